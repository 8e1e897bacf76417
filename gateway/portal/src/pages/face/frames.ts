import type { Schemas } from '@/api/client'

type Challenge = Schemas['FaceChallenge']

/** When the frames of one challenge are taken: the first after `lead`, then one every `interval`; milliseconds. */
export interface Plan {
  lead: number
  interval: number
  count: number
}

/** Eight frames a second show a blink; an action has to begin and end within its time. */
const INTERVAL_MS = 125
const LOOK = { lead: 800, lasts: 1_200 }
const ACT = { lead: 400, lasts: 4_800 }
/** For sending the frames. */
const SENDING_MS = 3_000
const SHORTEST_INTERVAL_MS = 60

/** The plan for a challenge of which `left` milliseconds are left; null when there is no time for it any more. */
export function planFor(challenge: Pick<Challenge, 'action' | 'min_frames' | 'max_frames'>, left: number): Plan | null {
  const wanted = challenge.action === 'look' ? LOOK : ACT
  const few = Math.max(Math.round(wanted.lasts / INTERVAL_MS) + 1, challenge.min_frames)
  const count = Math.min(few, challenge.max_frames)
  const room = left - SENDING_MS
  const lead = Math.max(0, Math.min(wanted.lead, room - wanted.lasts))
  const interval = Math.min(wanted.lasts, room - lead) / Math.max(1, count - 1)
  return interval < SHORTEST_INTERVAL_MS ? null : { lead, interval, count }
}

/** When frame `index` is due, and the time for it: a late frame does not put off the later ones. */
export function dueAt(plan: Plan, index: number): number {
  return plan.lead + plan.interval * index
}

/** Times as the platform wants them: whole milliseconds, each after the one before. */
export function stamps(times: number[]): number[] {
  let last = -1
  return times.map((time) => (last = Math.max(Math.round(time), last + 1)))
}

/** How large a frame is sent: at most 640 pixels wide, its proportions kept. */
export function frameSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, 640 / width, 854 / height)
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** Bytes of one frame, so that all of them are taken together, with room for what the form adds. */
export function largestFrame(count: number): number {
  return Math.min(95_000, Math.floor(1_900_000 / count))
}

const QUALITIES = [0.85, 0.75, 0.6, 0.45, 0.3]

/** JPEG of what `encode` gives by quality, the best of at most `largest` bytes; null when none is. */
export async function smallEnough(
  encode: (quality: number) => Promise<Blob | null>,
  largest: number,
): Promise<Blob | null> {
  for (const quality of QUALITIES) {
    const blob = await encode(quality)
    if (blob && blob.size <= largest) return blob
  }
  return null
}

/** Milliseconds until `moment` by the server's clock; by this device's when `date`, the answer's Date header, is not there. */
export function until(moment: string, date: string | null, now: number): number {
  const server = date ? Date.parse(date) : NaN
  // The header tells whole seconds: it is only worth more than a clock that is wrong.
  const skew = Number.isFinite(server) && Math.abs(server - now) > 2_000 ? server - now : 0
  return Date.parse(moment) - (now + skew)
}
