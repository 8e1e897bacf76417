import { Problem } from './problem'
import { send } from './client'

export interface Fetched {
  blob: Blob
  name: string
  headers: Headers
}

/** How far a download is, in bytes; `size` is null where the answer does not say. */
export type Progress = (done: number, size: number | null) => void

const LONGEST_MS = 15 * 60_000
const STALL_MS = 60_000

/**
 * A file of the gateway's, held in memory until it has arrived whole. Throws Problem: as the gateway tells it, NO_ANSWER when
 * the connection breaks or stands still, INCOMPLETE when fewer bytes came than were announced.
 */
export async function fetchFile(request: Request, progress: Progress = () => undefined): Promise<Fetched> {
  const response = await send(request, LONGEST_MS)
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

/** The name that a Content-Disposition header gives a file (RFC 6266, RFC 8187). */
export function fileName(disposition: string): string {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition)?.[1]
  if (extended) {
    try {
      return decodeURIComponent(extended)
    } catch {
      // Not what it says to be; the plain name is there too.
    }
  }
  return /filename="([^"]+)"/i.exec(disposition)?.[1] ?? 'download'
}

/** Has the browser save a file. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
  // The browser reads it after the click.
  setTimeout(() => {
    URL.revokeObjectURL(url)
  }, 60_000)
}

/** SHA-256 of a file, hex; null where the page is not in a secure context. */
export async function sha256(blob: Blob): Promise<string | null> {
  if (!globalThis.isSecureContext) return null
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
