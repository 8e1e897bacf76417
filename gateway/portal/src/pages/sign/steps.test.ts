import { expect, test } from 'vitest'
import { decided, phaseOf, stepOf, undecided, type Verification } from './steps'

type Contract = Parameters<typeof stepOf>[0]
type Party = Contract['parties'][number]

const party = (state: string, facts: Partial<Party> = {}) =>
  ({ kind: 'person', person_id: 'me', state, ...facts }) as Party
const soho = (state: string) => party(state, { kind: 'organisation', person_id: null })
const contract = (state: string, ...parties: Party[]): Contract => ({ state, parties })
const verification = (state: string) => ({ state }) as Verification

test.each([
  ['sms_pending', 'identity'],
  ['face_pending', 'face'],
  ['passed', 'seal'],
  ['failed', 'again'],
  ['expired', 'again'],
  ['consumed', 'again'],
  ['unknown', 'again'],
])('a verification that is %s leads to %s', (state, step) => {
  expect(stepOf(contract('waiting', party('waiting'), soho('queued')), 'me', verification(state))).toBe(step)
})

test('without a verification one begins anew', () => {
  expect(stepOf(contract('waiting', party('waiting')), 'me', null)).toBe('again')
})

test.each([
  ['withdrawn', 'waiting'],
  ['expired', 'waiting'],
  ['draft', 'queued'],
  ['waiting', 'queued'],
  ['signing', 'queued'],
])('a contract that is %s, its party %s, cannot be signed, whatever was verified', (state, mine) => {
  expect(stepOf(contract(state, party(mine)), 'me', verification('passed'))).toBe('closed')
})

test('who is no party signs nothing', () => {
  expect(stepOf(contract('waiting', party('waiting')), 'another', verification('passed'))).toBe('closed')
})

test('who has confirmed follows, also when the verification is still there', () => {
  for (const [state, mine] of [
    ['signing', 'signing'],
    ['waiting', 'signed'],
    ['releasing', 'signed'],
    ['completed', 'signed'],
    ['held', 'signed'],
  ] as const)
    expect(stepOf(contract(state, party(mine), soho('waiting')), 'me', verification('passed'))).toBe('progress')
})

test('what a confirmed contract waits for', () => {
  expect(phaseOf(contract('signing', party('signing'), soho('queued')), 'me')).toBe('mine')
  expect(phaseOf(contract('waiting', party('signed'), soho('waiting')), 'me')).toBe('soho')
  expect(phaseOf(contract('signing', party('signed'), soho('signing')), 'me')).toBe('soho')
  expect(phaseOf(contract('waiting', party('signed'), party('waiting', { person_id: 'x' })), 'me')).toBe('others')
  expect(phaseOf(contract('releasing', party('signed'), soho('signed')), 'me')).toBe('releasing')
})

test('a face check is undecided until its time is over', () => {
  const face = (state: string) => ({ state, expires_at: '2026-07-01T01:00:00Z' }) as NonNullable<Verification['face']>
  const before = Date.parse('2026-07-01T00:59:59Z')
  expect([undecided(face('open'), before), undecided(face('scanned'), before)]).toEqual([true, true])
  expect([undecided(face('open'), before + 1000), undecided(face('failed'), before), undecided(null, before)]).toEqual([
    false,
    false,
    false,
  ])
  expect(['sms_pending', 'face_pending', 'passed', 'failed'].map((state) => decided(verification(state)))).toEqual([
    false,
    false,
    true,
    true,
  ])
})
