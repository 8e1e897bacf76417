import { computed, onBeforeUnmount, onMounted, shallowRef, watch } from 'vue'
import { api, content, type Schemas } from '@/api/client'
import { asProblem } from '@/api/problem'
import { useTask } from '@/api/task'
import { current } from '@/session'
import type { Contract } from '../documents/useContracts'
import { dropDraft } from './draft'
import { stepOf, type Verification } from './steps'

const FAST_MS = 1_500
const SLOW_MS = 5_000
const FAST_TIMES = 20

/**
 * The signing of one contract by the acting person. Where it stands is what the platform says: the open verification is found
 * again by asking for one, so a reload or another window goes on with the same.
 */
export function useSigning(id: string) {
  const contract = shallowRef<Contract | null>(null)
  const verification = shallowRef<Verification | null>(null)
  const me = computed(() => current.value?.person.person_id)
  const mine = computed(() => contract.value?.parties.find((party) => party.person_id === me.value) ?? null)
  const step = computed(() => contract.value && stepOf(contract.value, me.value, verification.value))

  async function fetchContract(): Promise<void> {
    contract.value = await content(api.GET('/v1/contracts/{contract_id}', { params: { path: { contract_id: id } } }))
  }

  async function open(): Promise<void> {
    const path = { contract_id: id }
    verification.value = await content(api.POST('/v1/contracts/{contract_id}/verifications', { params: { path } }))
  }

  /** The contract, and the verification that is open or a new one. */
  const load = useTask(async () => {
    await fetchContract()
    if (contract.value?.state === 'waiting' && mine.value?.state === 'waiting') await open()
  })

  /** Where the verification stands, and the contract when the verification says that it moved on. */
  async function refresh(): Promise<void> {
    const known = verification.value
    if (known) {
      const path = { verification_id: known.verification_id }
      const found = await content(api.GET('/v1/verifications/{verification_id}', { params: { path } }))
      if (verification.value === known) verification.value = found
    }
    if (!known || verification.value?.state === 'consumed') await fetchContract()
  }

  /** Look where things stand, quietly: what goes wrong here goes wrong again where it matters. */
  function look(): void {
    if (contract.value) void refresh().catch(() => undefined)
  }

  function update(found: Verification): void {
    if (found.verification_id === verification.value?.verification_id) verification.value = found
  }

  const confirm = useTask(async (sealId: string, placement: Schemas['Placement']) => {
    const [document, verified] = [contract.value, verification.value]
    if (!document || !verified) return
    const body = {
      verification_id: verified.verification_id,
      document_sha256: document.document_sha256,
      seal_id: sealId,
      placement,
    }
    try {
      const path = { contract_id: id }
      contract.value = await content(api.POST('/v1/contracts/{contract_id}/signatures', { params: { path }, body }))
      dropDraft(id)
    } catch (error) {
      // Where it stands now, for the next attempt; what is chosen stays chosen.
      if (!asProblem(error).passing) await Promise.all([fetchContract(), refresh()]).catch(() => undefined)
      throw error
    }
  })

  // After the confirmation the platform goes on by itself; this window follows until it is done.
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  function follow(): void {
    clearTimeout(timer)
    const state = contract.value?.state
    if (step.value !== 'progress' || state === 'completed' || state === 'held') return
    asked += 1
    timer = setTimeout(
      () => {
        const seen = document.visibilityState === 'visible' ? fetchContract() : Promise.resolve()
        void seen.catch(() => undefined).finally(follow)
      },
      asked > FAST_TIMES ? SLOW_MS : FAST_MS,
    )
  }
  watch(step, (now, before) => {
    if (now === 'progress') {
      asked = 0
      follow()
    } else if (before === 'progress') {
      // The signature was refused: the verification is used up.
      verification.value = null
    }
  })

  // The verification's time, by the platform: it is asked when it should be over.
  let expiry: ReturnType<typeof setTimeout> | undefined
  watch(
    () => verification.value?.expires_at,
    (moment) => {
      clearTimeout(expiry)
      if (moment) expiry = setTimeout(look, Math.min(Math.max(Date.parse(moment) - Date.now(), 0) + 1_000, 2 ** 31 - 1))
    },
  )

  // Another window of this browser that signs the same contract goes along.
  const others = new BroadcastChannel(`esign.sign:${id}`)
  others.onmessage = look
  watch(step, (_, before) => {
    if (before) others.postMessage(null)
  })

  function show(): void {
    if (document.visibilityState === 'visible') look()
  }
  onMounted(() => {
    document.addEventListener('visibilitychange', show)
    void load.run()
  })
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', show)
    others.close()
    clearTimeout(timer)
    clearTimeout(expiry)
  })

  return { contract, verification, me, mine, step, load, confirm, update, look }
}
