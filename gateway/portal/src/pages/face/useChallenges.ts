import { onBeforeUnmount, ref, shallowRef } from 'vue'
import { asProblem, Problem } from '@/api/problem'
import { type CameraTrouble, closeCamera, NoCamera, openCamera, take } from './camera'
import { planFor, until } from './frames'
import { type FaceRelay, isOver, openRelay, sendFrames, type Told } from './relay'

type Challenge = NonNullable<FaceRelay['challenge']>
export type Phase = 'ready' | 'opening' | 'acting' | 'judging' | 'paused' | 'trouble'

const JUDGING_AGAIN_MS = [1_000, 2_000, 3_000, 5_000]

/** Our own check: camera, challenge after challenge, until `decided` is told of the outcome. */
export function useChallenges(token: string, decided: (relay: FaceRelay) => void) {
  const phase = ref<Phase>('ready')
  const challenge = shallowRef<Challenge | null>(null)
  /** Why the challenge is shown again, a code; empty when it is not. */
  const hint = ref('')
  /** How much of the challenge is done, 0 to 1. */
  const share = ref(0)
  const left = ref(0)
  const trouble = ref<CameraTrouble | null>(null)
  const problem = shallowRef<Problem | null>(null)
  let stream: MediaStream | null = null
  let running = new AbortController()
  let clock: ReturnType<typeof setInterval> | undefined

  /** Opens the camera, then asks what is to be done: the first challenge's time begins with that. */
  async function start(video: HTMLVideoElement): Promise<void> {
    running.abort()
    running = new AbortController()
    const going = running.signal
    trouble.value = null
    problem.value = null
    phase.value = 'opening'
    try {
      const opened = await openCamera(video)
      if (going.aborted) {
        closeCamera(opened)
        return
      }
      closeCamera(stream)
      stream = opened
      await run(video, await openRelay(token), going)
    } catch (error) {
      if (going.aborted) return
      end()
      phase.value = 'trouble'
      if (error instanceof NoCamera) trouble.value = error.trouble
      else problem.value = asProblem(error)
    }
  }

  async function run(video: HTMLVideoElement, first: Told, going: AbortSignal): Promise<void> {
    let told = first
    let asked = 0
    while (!going.aborted) {
      const { relay } = told
      if (isOver(relay)) {
        end()
        decided(relay)
        return
      }
      if (!relay.challenge) {
        // The frames are being looked at.
        phase.value = 'judging'
        const wait = JUDGING_AGAIN_MS[asked]
        if (wait === undefined) throw new Problem(0, 'NO_ANSWER', '')
        asked += 1
        await new Promise((resolve) => setTimeout(resolve, wait))
        if (!going.aborted) told = await openRelay(token)
        continue
      }
      told = await answer(video, relay.challenge, relay.reason ?? '', told.date, going)
    }
  }

  async function answer(
    video: HTMLVideoElement,
    shown: Challenge,
    why: string,
    date: string | null,
    going: AbortSignal,
  ): Promise<Told> {
    const since = performance.now()
    const time = until(shown.answer_by, date, Date.now())
    challenge.value = shown
    hint.value = why
    share.value = 0
    phase.value = 'acting'
    countDown(time)
    const plan = planFor(shown, time)
    // Too late by now: the platform says what becomes of it.
    if (!plan) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, time) + 300))
      return openRelay(token)
    }
    const taken = await take(video, plan, since, going, (done) => (share.value = done))
    if (going.aborted) throw new DOMException('left', 'AbortError')
    clearInterval(clock)
    phase.value = 'judging'
    buzz()
    if (taken.frames.length < shown.min_frames) return openRelay(token)
    try {
      return await sendFrames(token, shown.nonce, taken.times, taken.frames)
    } catch (error) {
      const found = asProblem(error)
      // They may have arrived: what counts is where the platform stands.
      if (found.status === 0 || found.status === 409) return openRelay(token)
      throw found
    }
  }

  function countDown(time: number): void {
    const end = performance.now() + time
    const tick = () => {
      left.value = Math.max(0, Math.ceil((end - performance.now()) / 1000))
    }
    clearInterval(clock)
    tick()
    clock = setInterval(tick, 250)
  }

  function buzz(): void {
    // Felt with closed eyes; not every phone can.
    if ('vibrate' in navigator) navigator.vibrate(120)
  }

  function end(): void {
    running.abort()
    clearInterval(clock)
    closeCamera(stream)
    stream = null
  }

  // A page in the background gets no pictures, and nobody should be filmed who does not see it.
  function hide(): void {
    if (document.visibilityState !== 'hidden' || !stream) return
    end()
    phase.value = 'paused'
  }
  document.addEventListener('visibilitychange', hide)
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', hide)
    end()
  })

  return { phase, challenge, hint, share, left, trouble, problem, start }
}
