import type { Placement } from '../documents/geometry'

/** What was chosen for a contract's signature, kept in the tab so that a reload or a new verification finds it again. */
export interface Draft {
  /** The document on which it was placed. */
  document: string
  sealId: string
  placement: Placement | null
}

const key = (contractId: string) => `esign.sign:${contractId}`

export function readDraft(contractId: string, document: string): Draft | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(key(contractId)) ?? 'null') as Draft | null
    return kept?.document === document ? kept : null
  } catch {
    return null
  }
}

export function keepDraft(contractId: string, draft: Draft): void {
  try {
    sessionStorage.setItem(key(contractId), JSON.stringify(draft))
  } catch {
    // It lasts as long as the page, then.
  }
}

export function dropDraft(contractId: string): void {
  try {
    sessionStorage.removeItem(key(contractId))
  } catch {
    // Nothing was kept.
  }
}
