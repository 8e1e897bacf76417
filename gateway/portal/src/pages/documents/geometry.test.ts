import { describe, expect, test } from 'vitest'
import {
  around,
  type Box,
  fromScreen,
  millimetres,
  moved,
  onPage,
  type PageSize,
  type Placement,
  shownSize,
  toPlacement,
  toScreen,
  toShown,
  within,
} from './geometry'

// A4, upright as written: 595.276 × 841.89 pt.
const page = (rotation: number, left = 0, bottom = 0, unit = 1000): PageSize => ({
  width: 595_276,
  height: 841_890,
  rotation,
  left,
  bottom,
  unit,
})
const placement: Placement = { page: 3, x1: 72_001, y1: 100_003, x2: 192_001, y2: 142_003 }
const ROTATIONS = [0, 90, 180, 270]
const ORIGINS = [
  [0, 0],
  [-89_500, 70_250],
  [1_010_500, -1_979_750],
] as const

describe.each(ROTATIONS)('a page rotated by %i', (rotation) => {
  test.each(ORIGINS)('with its corner at %i, %i: what is seen leads back to the same thousandths', (left, bottom) => {
    const on = page(rotation, left, bottom)
    const shifted: Placement = {
      page: 3,
      x1: placement.x1 + left,
      y1: placement.y1 + bottom,
      x2: placement.x2 + left,
      y2: placement.y2 + bottom,
    }
    expect(toShown(shifted, on)).toEqual(toShown(placement, page(rotation)))
    expect(toPlacement(toShown(shifted, on), 3, on)).toEqual(shifted)
  })

  test.each(ORIGINS)('with its corner at %i, %i: from the screen of a phone and back', (left, bottom) => {
    const on = page(rotation, left, bottom)
    const { width, height } = shownSize(on)
    const surface = { left: 16.25, top: -311.5, width: 328, height: (328 * height) / width }
    const box = { left: width - 60_000, top: 20_000, width: 60_000, height: 30_000 }
    const area = toScreen(box, on, surface)
    expect(area.left + area.width).toBeCloseTo(surface.left + surface.width, 9)
    const corner = fromScreen({ x: area.left, y: area.top }, on, surface)
    const back = toPlacement({ ...box, left: corner.x, top: corner.y }, 1, on)
    expect(back).toEqual(toPlacement(box, 1, on))
    for (const [value, least, most] of [
      [back.x1, left, left + on.width],
      [back.x2, left, left + on.width],
      [back.y1, bottom, bottom + on.height],
      [back.y2, bottom, bottom + on.height],
    ] as const) {
      expect(value).toBeGreaterThanOrEqual(least)
      expect(value).toBeLessThanOrEqual(most)
    }
  })
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

test('arrow keys move by a point, by ten with Shift', () => {
  const box = around({ x: 100_000, y: 100_000 }, { width: 20_000, height: 10_000 })
  expect(box).toEqual({ left: 90_000, top: 95_000, width: 20_000, height: 10_000 })
  expect(moved(box, 'ArrowUp', false, page(0))?.top).toBe(94_000)
  expect(moved(box, 'ArrowRight', true, page(0))?.left).toBe(100_000)
  expect(moved(box, 'ArrowLeft', false, page(0, 0, 0, 2000))?.left).toBe(89_500)
  expect(moved(box, 'Enter', false, page(0))).toBeNull()
})

test('a seal of 40 mm is 40 mm of paper whatever the unit', () => {
  const seal = { width: 113_386, height: 113_386 }
  expect(onPage(seal, page(0))).toEqual(seal)
  const large = page(90, 0, 0, 18_000)
  expect(onPage(seal, large).width).toBeCloseTo(6_299.2, 1)
  expect(millimetres(onPage(seal, large).width, large)).toBe(40)
  expect(millimetres(595_276, page(0))).toBe(210)
})
