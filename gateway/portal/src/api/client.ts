import createClient from 'openapi-fetch'
import { locale } from '@/i18n'
import { asProblem, problemOf } from './problem'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

const PATIENCE_MS = 30_000

const ended = new Set<() => void>()

/** Have `listener` called whenever an answer says that nobody is signed in any more. */
export function onSessionEnd(listener: () => void): void {
  ended.add(listener)
}

const due = new Set<() => void>()

/** Have `listener` called whenever an answer says that the person has to accept the terms first. */
export function onTermsDue(listener: () => void): void {
  due.add(listener)
}

// There, 401 speaks of what was typed, or of the phone, not of the session.
const OPEN_PATHS = /^\/v1\/(?:login|captchas|public|consents|face-relays)(?:\/|$)/

/** The headers of every request that the gateway takes from its own pages. */
export function ownHeaders(): Record<string, string> {
  return { 'X-Requested-With': 'esign', 'Accept-Language': locale.value === 'en' ? 'en, zh;q=0.5' : 'zh-CN' }
}

/** `fetch` with the portal's headers. Throws Problem for every answer but 2xx and 304, and when none begins within `patience` ms. */
export async function send(request: Request, patience = PATIENCE_MS): Promise<Response> {
  for (const [name, value] of Object.entries(ownHeaders())) request.headers.set(name, value)
  const limit = new AbortController()
  const stop = () => {
    limit.abort()
  }
  const timer = setTimeout(stop, patience)
  request.signal.addEventListener('abort', stop, { once: true })
  let response: Response
  try {
    response = await fetch(request, { signal: limit.signal })
  } catch (error) {
    if (request.signal.aborted) throw error
    throw asProblem(error)
  } finally {
    clearTimeout(timer)
  }
  if (response.ok || response.status === 304) return response
  const problem = problemOf(response, await response.json().catch(() => null))
  if (response.status === 401 && !OPEN_PATHS.test(new URL(response.url || request.url).pathname)) {
    for (const listener of ended) listener()
  }
  if (problem.code === 'TERMS_NOT_ACCEPTED') for (const listener of due) listener()
  throw problem
}

/** The gateway's API. Calls throw Problem, so `(await api.GET(…)).data` is there, but for answers without content. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: (request: Request) => send(request) })

/** The content of an answer. */
export async function content<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T
}
