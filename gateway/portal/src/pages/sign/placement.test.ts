import { expect, test } from 'vitest'
import {
  around,
  type Box,
  millimetres,
  moved,
  type Placement,
  shownSize,
  toPlacement,
  toShown,
  within,
} from './placement'

// A4, upright as written: 595.276 × 841.89 pt.
const page = (rotation: number, left = 0, bottom = 0) => ({ width: 595_276, height: 841_890, rotation, left, bottom })
const placement: Placement = { page: 3, x1: 72_001, y1: 100_003, x2: 192_001, y2: 142_003 }

test.each([0, 90, 180, 270])('what is seen on a page rotated by %i leads back to the same thousandths', (rotation) => {
  const box = toShown(placement, page(rotation))
  expect(toPlacement(box, 3, page(rotation))).toEqual(placement)
})

test.each<[number, Box]>([
  // From the top-left corner of what is seen.
  [0, { left: 0, top: 831_890, width: 20_000, height: 10_000 }],
  [90, { left: 0, top: 0, width: 10_000, height: 20_000 }],
  [180, { left: 575_276, top: 0, width: 20_000, height: 10_000 }],
  [270, { left: 831_890, top: 575_276, width: 10_000, height: 20_000 }],
])("the page's own bottom-left corner when rotated by %i", (rotation, box) => {
  expect(toShown({ page: 1, x1: 0, y1: 0, x2: 20_000, y2: 10_000 }, page(rotation))).toEqual(box)
})

test.each([0, 90, 180, 270])('a page rotated by %i whose space starts elsewhere', (rotation) => {
  const shifted: Placement = {
    page: 3,
    x1: 72_001 - 89_500,
    y1: 100_003 + 70_250,
    x2: 192_001 - 89_500,
    y2: 142_003 + 70_250,
  }
  const box = toShown(shifted, page(rotation, -89_500, 70_250))
  expect(box).toEqual(toShown(placement, page(rotation)))
  expect(toPlacement(box, 3, page(rotation, -89_500, 70_250))).toEqual(shifted)
})

test('a page on its side is shown as wide as it is high', () => {
  expect(shownSize(page(270))).toEqual({ width: 841_890, height: 595_276 })
})

test.each([
  [-5_000, -1],
  [1e9, 1e9],
  [0.4, 700_000.6],
])('a box at %f, %f lies on the page in whole thousandths', (left, top) => {
  const { x1, y1, x2, y2 } = toPlacement({ left, top, width: 120_000, height: 42_000 }, 1, page(0))
  for (const value of [x1, y1, x2, y2]) expect(Number.isInteger(value)).toBe(true)
  expect([x1 >= 0, y1 >= 0, x2 <= 595_276, y2 <= 841_890]).toEqual([true, true, true, true])
  expect([x2 - x1, y2 - y1]).toEqual([120_000, 42_000])
})

test('a seal larger than the page is made smaller in proportion', () => {
  const box = within({ left: 9, top: 9, width: 400_000, height: 100_000 }, { width: 100_000, height: 90_000 })
  expect(box).toEqual({ left: 0, top: 9, width: 100_000, height: 25_000 })
})

test('arrow keys move by five points, by one with Shift', () => {
  const box = around(100_000, 100_000, { width: 20_000, height: 10_000 })
  expect(box).toEqual({ left: 90_000, top: 95_000, width: 20_000, height: 10_000 })
  expect(moved(box, 'ArrowUp', false)?.top).toBe(90_000)
  expect(moved(box, 'ArrowRight', true)?.left).toBe(91_000)
  expect(moved(box, 'Enter', false)).toBeNull()
})

test('lengths for people', () => {
  expect(millimetres(595_276)).toBe(210)
})
