import { api, content, type Schemas } from '@/api/client'

export type FaceRelay = Schemas['FaceRelay']

/** A relay as the platform answers, and the answer's Date header. */
export interface Told {
  relay: FaceRelay
  date: string | null
}

async function told(answer: Promise<{ data?: FaceRelay; response: Response }>): Promise<Told> {
  const { data, response } = await answer
  return { relay: data as FaceRelay, date: response.headers.get('date') }
}

/** The phone is here. Throws Problem. */
export function openRelay(token: string): Promise<Told> {
  return told(api.POST('/v1/face-relays/{token}/open', { params: { path: { token } } }))
}

/** Have the platform ask what came out. Throws Problem. */
export function askResult(token: string): Promise<FaceRelay> {
  return content(api.POST('/v1/face-relays/{token}/result', { params: { path: { token } } }))
}

/** Hand in the frames of a challenge. Throws Problem. */
export function sendFrames(token: string, nonce: string, times: number[], frames: Blob[]): Promise<Told> {
  const form = new FormData()
  form.append('nonce', nonce)
  for (const time of times) form.append('at_ms', String(time))
  frames.forEach((frame, index) => {
    form.append('frames', frame, `${index}.jpg`)
  })
  const path = { token }
  // The description knows files as text.
  return told(api.POST('/v1/face-relays/{token}/frames', { params: { path }, body: form as never }))
}

/** Whether nothing more is to be done before the camera. */
export function isOver(relay: FaceRelay): boolean {
  return relay.state !== 'open' && relay.state !== 'scanned'
}

/** The last part of a relay's address, as the QR code shows it; null when it is no such address. */
export function tokenOf(url: string): string | null {
  return /\/f\/([0-9A-Za-z_-]{16,128})$/.exec(url)?.[1] ?? null
}
