import type { Schemas } from '@/api/client'

export type Verification = Schemas['Verification']
type Contract = Pick<Schemas['Contract'], 'state' | 'parties'>

/**
 * Where the person is: `identity` and `face` prove who signs, `seal` reads and places, `progress` waits for the signatures,
 * `again` needs a new verification, `closed` says why there is nothing to sign.
 */
export type Step = 'identity' | 'face' | 'seal' | 'progress' | 'again' | 'closed'

const UNDER_WAY = new Set(['waiting', 'signing', 'releasing', 'completed', 'held'])

/** The step of a person, from what the platform says alone: so a reload or a second window goes on at the right one. */
export function stepOf(contract: Contract, personId: string | undefined, verification: Verification | null): Step {
  const mine = contract.parties.find((party) => party.person_id === personId)
  if (!mine || mine.state === 'queued' || !UNDER_WAY.has(contract.state)) return 'closed'
  if (mine.state === 'signing' || mine.state === 'signed') return 'progress'
  if (contract.state !== 'waiting') return 'closed'
  switch (verification?.state) {
    case 'sms_pending':
      return 'identity'
    case 'face_pending':
      return 'face'
    case 'passed':
      return 'seal'
    default:
      return 'again'
  }
}

/** Whether a face check still waits for the phone, or for what it does. */
export function undecided(face: Verification['face'], now: number): boolean {
  return face !== null && (face.state === 'open' || face.state === 'scanned') && Date.parse(face.expires_at) > now
}

/** Whether nothing will change by itself any more. */
export function decided(verification: Verification): boolean {
  return !['sms_pending', 'face_pending'].includes(verification.state)
}

export type Phase = 'mine' | 'others' | 'soho' | 'releasing' | 'completed' | 'held'

/** What a contract that the person has confirmed waits for. */
export function phaseOf(contract: Contract, personId: string | undefined): Phase {
  if (contract.state === 'completed' || contract.state === 'releasing' || contract.state === 'held')
    return contract.state
  if (contract.parties.some((party) => party.person_id === personId && party.state === 'signing')) return 'mine'
  const next = contract.parties.find((party) => party.state !== 'signed')
  return next?.kind === 'organisation' ? 'soho' : 'others'
}
