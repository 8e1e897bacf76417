import { type Ref, ref, shallowRef } from 'vue'
import { asProblem, type Problem } from './problem'

export interface Task<A extends unknown[], T> {
  /** Runs it; undefined when it failed (see `problem`) or a newer run has taken its place. */
  run: (...args: A) => Promise<T | undefined>
  busy: Ref<boolean>
  problem: Ref<Problem | null>
}

/** An asynchronous act of a page: whether it is under way, and what went wrong the last time. */
export function useTask<A extends unknown[], T>(act: (...args: A) => Promise<T>): Task<A, T> {
  const busy = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let newest = 0

  async function run(...args: A): Promise<T | undefined> {
    const mine = ++newest
    busy.value = true
    problem.value = null
    try {
      const result = await act(...args)
      return mine === newest ? result : undefined
    } catch (error) {
      if (mine === newest) problem.value = asProblem(error)
      return undefined
    } finally {
      if (mine === newest) busy.value = false
    }
  }

  return { run, busy, problem }
}
