import type { Contract } from './useContracts'

export type Tone = 'due' | 'calm' | 'good' | 'bad'

/** 处理状态 as the acting person sees it: a key of `documents.states`, and how it looks. */
export function stateOf(contract: Contract, personId: string | undefined): { key: string; tone: Tone } {
  switch (contract.state) {
    case 'waiting':
      return canSign(contract, personId) ? { key: 'waiting', tone: 'due' } : { key: whoIsNext(contract), tone: 'calm' }
    case 'signing':
    case 'releasing':
    case 'draft':
      return { key: contract.state, tone: 'calm' }
    case 'completed':
      return { key: 'completed', tone: 'good' }
    case 'withdrawn':
    case 'expired':
    case 'held':
      return { key: contract.state, tone: 'bad' }
    default:
      return { key: 'unknown', tone: 'calm' }
  }
}

function whoIsNext(contract: Contract): string {
  const next = contract.parties.find((party) => party.state !== 'signed')
  return next?.kind === 'organisation' ? 'soho' : 'others'
}

/** Whether the acting person may sign it now. */
export function canSign(contract: Contract, personId: string | undefined): boolean {
  return (
    contract.state === 'waiting' &&
    contract.parties.some((party) => party.person_id === personId && party.state === 'waiting')
  )
}

/** 文档签署单位 / 签署方: the names of all parties. */
export function partyNames(contract: Contract): string {
  return contract.parties.map((party) => party.name).join('、')
}

/** 签署时间: when the last party signed; null while one has not. */
export function signedAt(contract: Contract): string | null {
  const moments = contract.parties.map((party) => party.signed_at)
  return moments.reduce((last, one) => (last && one ? (last > one ? last : one) : null), moments[0] ?? null)
}
