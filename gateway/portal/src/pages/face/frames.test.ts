import { expect, test } from 'vitest'
import { dueAt, frameSize, largestFrame, planFor, smallEnough, stamps, until } from './frames'

const limits = { min_frames: 8, max_frames: 40 }

test.each(['look', 'blink', 'turn_left', 'turn_right', 'open_mouth'] as const)('%s fits into its window', (action) => {
  const plan = planFor({ action, ...limits }, 10_000)
  if (!plan) throw new Error('no plan')
  expect(plan.count).toBeGreaterThanOrEqual(8)
  expect(plan.count).toBeLessThanOrEqual(40)
  // The platform wants half a second at least, and the frames within the window.
  expect(dueAt(plan, plan.count - 1) - dueAt(plan, 0)).toBeGreaterThanOrEqual(500)
  expect(dueAt(plan, plan.count - 1)).toBeLessThanOrEqual(7_000)
})

test('what the platform allows counts', () => {
  expect(planFor({ action: 'blink', min_frames: 4, max_frames: 12 }, 10_000)).toMatchObject({
    count: 12,
    interval: 4_800 / 11,
  })
  expect(planFor({ action: 'look', min_frames: 15, max_frames: 20 }, 10_000)?.count).toBe(15)
  expect(planFor({ action: 'blink', ...limits }, 10_000)?.interval).toBeLessThan(130)
})

test('with less time left it goes faster, and not at all when there is too little', () => {
  const hurried = planFor({ action: 'blink', ...limits }, 6_000)
  if (!hurried) throw new Error('no plan')
  expect(dueAt(hurried, hurried.count - 1)).toBeLessThanOrEqual(3_000)
  expect(planFor({ action: 'blink', ...limits }, 5_000)).toBeNull()
  expect(planFor({ action: 'look', ...limits }, -50)).toBeNull()
})

test('times are whole and increase, also when two frames came at once', () => {
  expect(stamps([0.2, 0.4, 125.6, 125.7, 124])).toEqual([0, 1, 126, 127, 128])
})

test.each([
  [1920, 1080, 640, 360],
  [480, 640, 480, 640],
  [720, 1280, 480, 854],
  [320, 240, 320, 240],
])('a camera of %i × %i', (width, height, wide, high) => {
  expect(frameSize(width, height)).toEqual({ width: wide, height: high })
})

test('the best quality that is small enough is taken', async () => {
  const asked: number[] = []
  const encode = (quality: number) => {
    asked.push(quality)
    return Promise.resolve(new Blob([new Uint8Array(Math.round(quality * 140_000))]))
  }
  expect((await smallEnough(encode, 90_000))?.size).toBe(84_000)
  expect(asked).toEqual([0.85, 0.75, 0.6])
  expect(await smallEnough(() => Promise.resolve(new Blob([new Uint8Array(200_000)])), 90_000)).toBeNull()
})

test('all frames together stay below what is taken', () => {
  for (const count of [8, 20, 40, 64]) expect(count * (largestFrame(count) + 400)).toBeLessThan(2 * 2 ** 20)
  expect(largestFrame(8)).toBeLessThanOrEqual(100_000)
})

test("a phone whose clock is wrong goes by the server's", () => {
  const now = Date.parse('2026-07-01T01:00:00Z')
  expect(until('2026-07-01T01:00:10Z', 'Wed, 01 Jul 2026 01:00:00 GMT', now)).toBe(10_000)
  expect(until('2026-07-01T01:00:10Z', 'Wed, 01 Jul 2026 01:00:00 GMT', now + 3_600_000)).toBe(10_000)
  expect(until('2026-07-01T01:00:10Z', null, now + 1_000)).toBe(9_000)
})
