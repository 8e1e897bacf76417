import { dueAt, frameSize, largestFrame, type Plan, smallEnough, stamps } from './frames'

export type CameraTrouble = 'insecure' | 'unsupported' | 'denied' | 'missing' | 'busy' | 'failed'

/** Why there is no camera. */
export class NoCamera extends Error {
  constructor(readonly trouble: CameraTrouble) {
    super(trouble)
    this.name = 'NoCamera'
  }
}

const TROUBLES: Record<string, CameraTrouble> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  AbortError: 'busy',
}

/** The front camera, shown in `video`. Throws NoCamera. */
export async function openCamera(video: HTMLVideoElement): Promise<MediaStream> {
  if (!globalThis.isSecureContext) throw new NoCamera('insecure')
  // Browsers inside other apps may have none.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (!devices || !('getUserMedia' in devices)) throw new NoCamera('unsupported')
  let stream: MediaStream
  try {
    stream = await devices.getUserMedia({
      audio: false,
      video: { facingMode: 'user', width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24 } },
    })
  } catch (error) {
    throw new NoCamera(TROUBLES[error instanceof DOMException ? error.name : ''] ?? 'failed')
  }
  try {
    video.srcObject = stream
    await video.play()
    await pictured(video)
  } catch {
    closeCamera(stream)
    throw new NoCamera('failed')
  }
  return stream
}

/** Turns the camera off. */
export function closeCamera(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

async function pictured(video: HTMLVideoElement): Promise<void> {
  for (let wait = 0; wait < 50; wait += 1) {
    if (video.videoWidth > 0 && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return
    await pause(100)
  }
  throw new Error('the camera gives no picture')
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export interface Taken {
  /** Milliseconds since the challenge was shown, one of each frame. */
  times: number[]
  frames: Blob[]
}

/** Takes frames by plan, `shown` being when the challenge was (performance.now()); `tell` hears how much of it is done. */
export async function take(
  video: HTMLVideoElement,
  plan: Plan,
  shown: number,
  going: AbortSignal,
  tell: (share: number) => void,
): Promise<Taken> {
  const size = frameSize(video.videoWidth, video.videoHeight)
  const times: number[] = []
  const encoding: Promise<Blob | null>[] = []
  for (let index = 0; index < plan.count; index += 1) {
    const wait = shown + dueAt(plan, index) - performance.now()
    if (wait > 0) await pause(wait)
    if (going.aborted) break
    // A canvas of its own for each: the last one may still be written out.
    const canvas = document.createElement('canvas')
    Object.assign(canvas, size)
    const context = canvas.getContext('2d', { alpha: false })
    if (!context) throw new NoCamera('unsupported')
    context.drawImage(video, 0, 0, size.width, size.height)
    times.push(performance.now() - shown)
    encoding.push(smallEnough((quality) => jpeg(canvas, quality), largestFrame(plan.count)))
    tell((index + 1) / plan.count)
  }
  const found = (await Promise.all(encoding)).map((frame, index) => ({ frame, time: times[index] ?? 0 }))
  const kept = found.flatMap(({ frame, time }) => (frame ? [{ frame, time }] : []))
  return { times: stamps(kept.map((one) => one.time)), frames: kept.map((one) => one.frame) }
}

function jpeg(canvas: HTMLCanvasElement, quality: number): Promise<Blob | null> {
  return new Promise((resolve) => {
    canvas.toBlob(resolve, 'image/jpeg', quality)
  })
}
