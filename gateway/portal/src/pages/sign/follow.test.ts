import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Problem } from '@/api/problem'
import { follow } from './follow'
import type { Verification } from './steps'

class Source extends EventTarget {
  static CLOSED = 2
  readyState = 1
  close = vi.fn(() => {
    this.readyState = 2
  })
  say(state: string): void {
    this.dispatchEvent(new MessageEvent('verification', { data: JSON.stringify({ state }) }))
  }
  fail(readyState: number): void {
    this.readyState = readyState
    this.dispatchEvent(new Event('error'))
  }
}

let sources: Source[] = []
const last = (): Source => sources.at(-1) as Source
const verification = (state: string) => ({ state }) as Verification
const ask = vi.fn(() => Promise.resolve(verification('face_pending')))
const told: string[] = []

function start(): () => void {
  const stream = () => {
    sources.push(new Source())
    return last() as unknown as EventSource
  }
  return follow({ stream, ask }, (found) => told.push(found.state))
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('EventSource', Source)
  sources = []
  told.length = 0
  ask.mockReset().mockResolvedValue(verification('face_pending'))
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('events are told until it is decided, and then nothing goes on', async () => {
  start()
  last().say('face_pending')
  last().say('passed')
  last().say('failed')
  expect(told).toEqual(['face_pending', 'passed'])
  expect(last().close).toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(120_000)
  expect([ask.mock.calls.length, sources.length]).toEqual([0, 1])
})

test('a stream that connects again by itself is left to do so', async () => {
  start()
  last().say('face_pending')
  last().fail(0)
  await vi.advanceTimersByTimeAsync(20_000)
  expect([ask.mock.calls.length, sources.length]).toEqual([0, 1])
})

test('when the stream is refused it asks every few seconds, and tries the stream again after a while', async () => {
  start()
  last().fail(2)
  await vi.advanceTimersByTimeAsync(6_100)
  expect(ask.mock.calls.length).toBe(3)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(sources.length).toBe(2)
  last().say('passed')
  expect(told.at(-1)).toBe('passed')
})

test('it asks while an open stream says nothing, until it speaks', async () => {
  start()
  await vi.advanceTimersByTimeAsync(9_500)
  expect(ask.mock.calls.length).toBe(2)
  last().say('face_pending')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(ask.mock.calls.length).toBe(2)
})

test('a failure that passes is outlasted, a verification that is gone is not asked for again', async () => {
  start()
  last().fail(2)
  ask.mockRejectedValueOnce(new Problem(503, 'X', '')).mockRejectedValue(new Problem(404, 'X', ''))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ask.mock.calls.length).toBe(2)
})

test('a late answer after the end is not told', async () => {
  const stop = start()
  last().fail(2)
  let answer: (found: Verification) => void = () => undefined
  ask.mockReturnValue(new Promise((resolve) => (answer = resolve)))
  await vi.advanceTimersByTimeAsync(10)
  stop()
  answer(verification('passed'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect([told, sources.length]).toEqual([[], 1])
})
