import { expect, test } from 'vitest'
import { between, imageWidth, layOut, pageAt } from './pageLayout'

const A4 = { width: 595_276, height: 841_890, rotation: 0, left: 0, bottom: 0, unit: 1000 }
const pages = Array.from({ length: 200 }, (_, index) => ({ ...A4, rotation: index === 1 ? 90 : 0 }))

test('pages lie one below the other, each of its shape, before any image is there', () => {
  const { areas, height, width } = layOut(pages, 600, 12)
  expect(areas[0]).toMatchObject({ left: 12, top: 12, width: 600 })
  expect(areas[1]?.top).toBeCloseTo(12 + (600 * 841_890) / 595_276 + 12, 6)
  expect(areas[1]?.height).toBeCloseTo((600 * 595_276) / 841_890, 6)
  expect(width).toBe(624)
  const last = areas.at(-1)
  expect(height).toBeCloseTo((last?.top ?? 0) + (last?.height ?? 0) + 12, 6)
})

test('only pages that are seen are there, wherever one is', () => {
  const layout = layOut(pages, 328, 12)
  for (let top = 0; top < layout.height; top += 97) {
    const shown = between(layout, top, top + 600)
    expect(shown.length).toBeLessThanOrEqual(4)
    for (const [index, area] of layout.areas.entries()) {
      const seen = area.top < top + 600 && area.top + area.height > top
      if (seen) expect(shown).toContain(index + 1)
    }
  }
  expect(pageAt(layout, -50)).toBe(0)
  expect(pageAt(layout, 1e9)).toBe(199)
  expect(between(layOut([], 328, 12), 0, 600)).toEqual([])
})

test('images are as wide as the screen needs, in few widths', () => {
  expect(imageWidth(328, 2)).toBe(600)
  expect(imageWidth(328, 3)).toBe(1000)
  expect(imageWidth(660, 1)).toBe(600)
  expect(imageWidth(840, 1)).toBe(800)
  expect(imageWidth(840, 2)).toBe(2000)
  expect(imageWidth(2000, 3)).toBe(2800)
  expect(imageWidth(90, 1)).toBe(400)
})
