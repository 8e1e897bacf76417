import { expect, test } from 'vitest'
import { bounds, isSignature, scaleOf, type Stroke } from './ink'

const line = (...points: [number, number][]): Stroke => points.map(([x, y]) => ({ x, y }))

test('the image covers the strokes with their width, and no more', () => {
  const covered = bounds([line([100, 50], [300, 120]), line([90, 130])])
  expect(covered).toEqual({ left: 84, top: 44, width: 222, height: 92 })
})

test('an empty pad has no image', () => {
  expect([bounds([]), bounds([[]])]).toEqual([null, null])
})

test.each<[string, Stroke[], boolean]>([
  ['nothing', [], false],
  ['a tap', [line([10, 10])], false],
  [
    'a scribble in one place',
    [line(...Array.from({ length: 60 }, (_, i): [number, number] => [10 + (i % 2) * 3, 10]))],
    false,
  ],
  ['a short line', [line([10, 10], [50, 10])], false],
  ['a name', [line([10, 10], [60, 40], [20, 60]), line([80, 10], [90, 70])], true],
])('%s', (_, strokes, whether) => {
  expect(isSignature(strokes)).toBe(whether)
})

test('a wide signature is not made larger than the platform takes', () => {
  expect(scaleOf({ left: 0, top: 0, width: 1000, height: 100 }) * 1000).toBe(1600)
  expect(scaleOf({ left: 0, top: 0, width: 200, height: 100 })).toBe(3)
})
