import { fileName } from './file'
import { Problem } from './problem'
import { send } from './client'

export interface Fetched {
  blob: Blob
  name: string
  headers: Headers
}

/** How far a download is, in bytes; `size` is null where the answer does not say. */
export type Progress = (done: number, size: number | null) => void

const STALL_MS = 60_000

/**
 * A file of the gateway's, held in memory until it has arrived whole. Throws Problem: as the gateway tells it, NO_ANSWER when
 * the connection breaks or stands still, INCOMPLETE when fewer bytes came than were announced.
 */
export async function fetchFile(request: Request, progress: Progress = () => undefined): Promise<Fetched> {
  const response = await send(request)
  const announced = response.headers.get('content-length')
  const size = announced === null ? null : Number(announced)
  const parts: BlobPart[] = []
  let done = 0
  progress(done, size)
  const reader = response.body?.getReader()
  while (reader) {
    const part = await soon(reader)
    if (part.done) break
    parts.push(part.value)
    done += part.value.length
    progress(done, size)
  }
  if (size !== null && done !== size) throw new Problem(0, 'INCOMPLETE', '')
  const type = response.headers.get('content-type') ?? 'application/octet-stream'
  return {
    blob: new Blob(parts, { type }),
    name: fileName(response.headers.get('content-disposition') ?? ''),
    headers: response.headers,
  }
}

async function soon(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>) {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => {
      refuse(new Problem(0, 'NO_ANSWER', ''))
      void reader.cancel().catch(() => undefined)
    }, STALL_MS)
  })
  try {
    return await Promise.race([reader.read(), late])
  } finally {
    clearTimeout(timer)
  }
}
