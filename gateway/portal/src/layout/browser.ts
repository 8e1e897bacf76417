const OLDEST = 111

/** Whether a browser is a current Chrome or Edge, by its user agent string: what the platform is tried with. */
export function isSupported(userAgent: string): boolean {
  const chromium = /(?:Chrome|CriOS|Chromium)\/(\d+)/.exec(userAgent)
  const ios = /EdgiOS\//.test(userAgent)
  const other = /OPR\/|SamsungBrowser|MicroMessenger|QQBrowser|UCBrowser|YaBrowser|MetaSr|Firefox|360SE|360EE|QIHU/i
  if (ios) return true
  return chromium !== null && Number(chromium[1]) >= OLDEST && !other.test(userAgent)
}
