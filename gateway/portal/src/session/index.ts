import { computed, readonly, type ShallowRef, shallowRef } from 'vue'
import { api, content, onSessionEnd, onTermsDue, type Schemas } from '@/api/client'
import { asProblem, type Problem } from '@/api/problem'
import * as mark from './mark'

export type Session = Schemas['Session']

const session = shallowRef<Session | null>(null)
const expired = shallowRef(false)
const doubt = shallowRef<Problem | null>(null)
let known = false
let asking: Promise<Session | null> | null = null

/** Who is signed in; null for nobody, or before it is known. */
export const current = readonly(session)
export const signedIn = computed(() => session.value !== null)
/** Whether a session ended without 安全退出 since the last login. */
export const hasExpired = readonly(expired)
/** Why it is not known who is signed in; null when it is known. */
export const unknown: Readonly<ShallowRef<Problem | null>> = doubt

/**
 * Who is signed in, asked of the gateway once. A browser in which nobody signed in is not asked about, unless `anyway`
 * (someone may arrive with a session from the procurement platform). Throws Problem when the gateway does not answer.
 */
export function whoIsThere(anyway = false): Promise<Session | null> {
  if (known || (!anyway && mark.read() === 'none')) return Promise.resolve(session.value)
  asking ??= ask().finally(() => {
    asking = null
  })
  return asking
}

async function ask(): Promise<Session | null> {
  try {
    begin(await content(api.GET('/v1/me')))
  } catch (error) {
    const problem = asProblem(error)
    if (problem.status !== 401) {
      doubt.value = problem
      throw problem
    }
    forget()
  }
  return session.value
}

/** Take over a session that a login answered with. */
export function begin(started: Session): void {
  session.value = started
  expired.value = false
  doubt.value = null
  known = true
  if (mark.read() !== 'some') mark.write()
}

/** 安全退出. Throws Problem when the gateway does not answer: then the session goes on. */
export async function signOut(): Promise<void> {
  await api.POST('/v1/logout')
  forget()
  expired.value = false
}

function forget(): void {
  expired.value = expired.value || session.value !== null
  session.value = null
  doubt.value = null
  known = true
  mark.clear()
}

/** The person accepted the terms in force. */
export function acceptedTerms(): void {
  setTermsDue(false)
}

function setTermsDue(due: boolean): void {
  if (session.value) session.value = { ...session.value, terms_due: due }
}

onSessionEnd(forget)
onTermsDue(() => {
  setTermsDue(true)
})

// Another tab signed in or out: this one follows.
mark.onChange((state) => {
  if (state === 'none') {
    session.value = null
    known = true
  } else {
    known = false
    void whoIsThere().catch(() => undefined)
  }
})

// Back after a while: has the session ended meanwhile?
let left = 0
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') {
    left = Date.now()
  } else if (session.value && Date.now() - left > 60_000) {
    known = false
    void whoIsThere().catch(() => undefined)
  }
})
