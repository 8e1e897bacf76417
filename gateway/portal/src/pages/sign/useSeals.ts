import { computed, ref, shallowRef } from 'vue'
import { api, content, type Schemas, send } from '@/api/client'
import { useTask } from '@/api/task'
import { current } from '@/session'

export type Seal = Schemas['Seal']

/** Of the signatures that are kept the newest are offered. */
const MOST = 5

/** The seals with which the acting person may sign, and the one that is chosen. */
export function useSeals() {
  const seals = shallowRef<Seal[]>([])
  const chosen = ref('')
  /** The signature that was made on this page, if any. */
  const made = ref('')
  const seal = computed(() => seals.value.find((one) => one.seal_id === chosen.value) ?? null)

  const load = useTask(async (wanted: string) => {
    const answer = await content(api.GET('/v1/seals'))
    const usable = answer.items.filter((one) => one.state === 'active')
    const known = usable.find((one) => one.seal_id === (chosen.value || wanted))
    const own = usable.filter((one) => one.kind === 'handwritten')
    const offered = new Set([...own.slice(-MOST), known])
    seals.value = usable.filter((one) => one.kind !== 'handwritten' || offered.has(one))
    // A company's seal comes before the signer's own signature.
    const company =
      current.value?.kind === 'enterprise' ? seals.value.find((one) => one.kind !== 'handwritten') : undefined
    chosen.value = (known ?? company ?? seals.value.at(-1))?.seal_id ?? ''
  })

  /** Keeps a handwritten signature, and chooses it. */
  const keep = useTask(async (png: Blob) => {
    const request = new Request(new URL('/v1/seals/handwritten', location.href), {
      method: 'POST',
      headers: { 'Content-Type': 'image/png' },
      body: png,
    })
    const kept = (await (await send(request)).json()) as Seal
    seals.value = [...seals.value.filter((one) => one.seal_id !== kept.seal_id), kept]
    chosen.value = made.value = kept.seal_id
    return kept
  })

  /** 个人名章: has the person's name drawn, and chooses it. */
  const draw = useTask(async () => {
    const drawn = await content(api.POST('/v1/seals/name'))
    seals.value = [...seals.value.filter((one) => one.seal_id !== drawn.seal_id), drawn]
    chosen.value = drawn.seal_id
    return drawn
  })

  return { seals, chosen, seal, made, load, keep, draw }
}
