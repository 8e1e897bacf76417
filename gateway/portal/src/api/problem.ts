/** What went wrong, as people are told: the gateway's problem details (RFC 9457), or what kept an answer from arriving. */
export class Problem extends Error {
  constructor(
    /** HTTP status; 0 when no answer arrived. */
    readonly status: number,
    /** Stable; OFFLINE and NO_ANSWER are the portal's own. */
    readonly code: string,
    /** The gateway's text in the reader's language; empty for the portal's own codes. */
    readonly title: string,
    /** 参考编号; empty when there is none. */
    readonly traceId = '',
    /** Seconds to wait before trying again. */
    readonly retryAfter: number | null = null,
    /** All members of the problem, for facts that stand beside. */
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(title || code)
    this.name = 'Problem'
  }

  /** Whether the same request may well succeed a little later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

/** The problem that an answer other than 2xx tells of; `body` is what could be read of it. */
export function problemOf(response: Response, body: unknown): Problem {
  const facts = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const text = (key: string) => (typeof facts[key] === 'string' ? facts[key] : '')
  const seconds = Number(facts['retry_after_seconds'] ?? response.headers.get('retry-after') ?? NaN)
  return new Problem(
    response.status,
    text('code') || 'NO_ANSWER',
    text('title'),
    text('trace_id') || (response.headers.get('trace-id') ?? ''),
    Number.isFinite(seconds) ? seconds : null,
    facts,
  )
}

/** Any thrown value as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const code = navigator.onLine ? 'NO_ANSWER' : 'OFFLINE'
  return new Problem(0, error instanceof TypeError || error instanceof DOMException ? code : 'UNEXPECTED', '')
}
