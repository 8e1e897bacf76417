import { expect, test } from 'vitest'
import { canSign, signedAt, stateOf } from './states'
import type { Contract } from './useContracts'

type Party = Contract['parties'][number]

function party(facts: Partial<Party>): Party {
  return {
    party_id: 'x',
    kind: 'person',
    person_id: 'me',
    name: '甲',
    state: 'waiting',
    signed_at: null,
    refusal_reason: null,
    placement: null,
    ...facts,
  }
}

const contract = (state: string, ...parties: Party[]) => ({ state, parties }) as unknown as Contract

test('a contract waits for me only when it is my turn', () => {
  const mine = contract('waiting', party({}))
  const others = contract('waiting', party({ person_id: 'another' }), party({ state: 'queued' }))
  expect([canSign(mine, 'me'), stateOf(mine, 'me').key]).toEqual([true, 'waiting'])
  expect([canSign(others, 'me'), stateOf(others, 'me').key]).toEqual([false, 'others'])
  const sohos = contract('waiting', party({ state: 'signed' }), party({ kind: 'organisation', person_id: null }))
  expect([canSign(sohos, 'me'), stateOf(sohos, 'me').key]).toEqual([false, 'soho'])
  expect(canSign(contract('withdrawn', party({})), 'me')).toBe(false)
})

test('the time of signing is the last one, once all have signed', () => {
  const first = party({ signed_at: '2026-07-01T01:00:00Z' })
  const second = party({ signed_at: '2026-07-01T03:00:00Z' })
  expect(signedAt(contract('completed', second, first))).toBe('2026-07-01T03:00:00Z')
  expect(signedAt(contract('signing', first, party({})))).toBeNull()
  expect(signedAt(contract('signing', party({}), first))).toBeNull()
})
