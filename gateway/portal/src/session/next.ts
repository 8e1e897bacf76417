/** The path of this site to go on to after a login, as the address of the login names it; anything else leads home. */
export function nextAfterLogin(next: unknown): string {
  // A browser takes //host and /\host for another site.
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/'
}
