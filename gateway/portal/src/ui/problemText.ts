import type { Problem } from '@/api/problem'

const OWN = new Set(['OFFLINE', 'NO_ANSWER', 'INCOMPLETE', 'UNEXPECTED'])

/** What a problem is, in one sentence for people. */
export function problemText(problem: Problem, t: (key: string, facts?: Record<string, unknown>) => string): string {
  return problem.title || t(`problem.${OWN.has(problem.code) ? problem.code : 'NO_ANSWER'}`)
}
