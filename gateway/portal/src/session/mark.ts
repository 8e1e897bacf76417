/**
 * A mark in this browser that somebody signed in: the session's cookie cannot be seen by scripts. It says nothing of who,
 * and decides nothing but whether the gateway is worth asking; tabs tell one another by it.
 */
const KEY = 'esign.signed-in'

export type Mark = 'some' | 'none' | 'unknown'

export function read(): Mark {
  try {
    return localStorage.getItem(KEY) === null ? 'none' : 'some'
  } catch {
    return 'unknown'
  }
}

export function write(): void {
  try {
    // Differs each time, so that other tabs notice.
    localStorage.setItem(KEY, String(Date.now()))
  } catch {
    // Without storage the gateway is asked at every visit.
  }
}

export function clear(): void {
  try {
    localStorage.removeItem(KEY)
  } catch {
    // Nothing was kept.
  }
}

export function onChange(listener: (mark: Mark) => void): void {
  addEventListener('storage', (event) => {
    if (event.key === KEY || event.key === null) listener(read())
  })
}
