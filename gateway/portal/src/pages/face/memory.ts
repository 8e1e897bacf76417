/**
 * What a browser tab remembers of a face check: the relay that it went to a vendor from, and for which contract it does the
 * check itself. A tab's storage goes with the tab.
 */
const RELAY = 'esign.face.relay'
const SIGNING = 'esign.face.signing'
const LINK = 'esign.face.link'

function read(key: string): Record<string, string> {
  try {
    return (JSON.parse(sessionStorage.getItem(key) ?? '{}') as Record<string, string> | null) ?? {}
  } catch {
    return {}
  }
}

function write(key: string, value: Record<string, string>): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Without storage the computer still goes on by itself.
  }
}

/** The tab leaves for the vendor's page of a check. */
export function leaveFor(token: string, faceCheckId: string): void {
  write(RELAY, { token, faceCheckId })
}

/** The relay that the tab came from; null when there is none. */
export function leftFrom(): { token: string; faceCheckId: string } | null {
  const { token, faceCheckId } = read(RELAY)
  return token && faceCheckId ? { token, faceCheckId } : null
}

/** The tab itself does the check of a verification, for signing a contract. */
export function signHere(verificationId: string, contractId: string): void {
  write(SIGNING, { verificationId, contractId })
}

/** The address of the signing that waits for a verification in this very tab; null when that is elsewhere. */
export function signingOf(verificationId: string): string | null {
  const kept = read(SIGNING)
  return kept['verificationId'] === verificationId && kept['contractId']
    ? `/contracts/${kept['contractId']}/sign`
    : null
}

/** The address in the QR code of a check, kept so that a reload shows the same code. */
export function keepLink(faceCheckId: string, url: string): void {
  write(LINK, { faceCheckId, url })
}

export function linkOf(faceCheckId: string): string | null {
  const kept = read(LINK)
  return kept['faceCheckId'] === faceCheckId ? (kept['url'] ?? null) : null
}
