import { asProblem } from '@/api/problem'
import { decided, type Verification } from './steps'

const POLL_MS = 3_000
const SILENT_MS = 6_000
const STREAM_AGAIN_MS = 30_000

export interface Ways {
  /** Opens the stream. */
  stream: () => EventSource
  /** Asks once. Throws Problem. */
  ask: () => Promise<Verification>
}

/**
 * Tells of every state of a verification until it is decided, or until the function that it returns is called: by
 * server-sent events, and by asking every few seconds while these do not come.
 */
export function follow(ways: Ways, tell: (verification: Verification) => void): () => void {
  let over = false
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let streamAgain = 0

  function stop(): void {
    over = true
    source?.close()
    source = null
    clearTimeout(timer)
  }

  function heard(verification: Verification): void {
    if (over) return
    if (decided(verification)) stop()
    tell(verification)
  }

  function listen(): void {
    streamAgain = Date.now() + STREAM_AGAIN_MS
    const opened = ways.stream()
    source = opened
    opened.addEventListener('verification', (event) => {
      if (source !== opened) return
      clearTimeout(timer)
      heard(JSON.parse((event as MessageEvent<string>).data) as Verification)
    })
    opened.addEventListener('error', () => {
      // While it connects again by itself nothing is lost: the first event says how things stand.
      if (source !== opened || opened.readyState !== EventSource.CLOSED) return
      source = null
      later(0)
    })
    // A proxy that holds events back does not say so.
    later(SILENT_MS)
  }

  function later(ms: number): void {
    clearTimeout(timer)
    if (!over) timer = setTimeout(() => void poll(), ms)
  }

  async function poll(): Promise<void> {
    try {
      heard(await ways.ask())
    } catch (error) {
      const status = asProblem(error).status
      if (status === 401 || status === 403 || status === 404) stop()
    }
    if (over) return
    if (!source && Date.now() >= streamAgain) listen()
    else later(POLL_MS)
  }

  listen()
  return stop
}
