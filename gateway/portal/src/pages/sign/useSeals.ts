import { computed, ref, shallowRef } from 'vue'
import { api, content, type Schemas, send } from '@/api/client'
import { useTask } from '@/api/task'
import { current } from '@/session'

export type Seal = Schemas['Seal']

/** The images of signatures made in this tab, by seal: the platform does not hand images out. */
const KEY = 'esign.signature'

/** Of the signatures that are kept the newest are offered. */
const MOST = 5

function pictures(): Record<string, string> {
  try {
    return (JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Record<string, string> | null) ?? {}
  } catch {
    return {}
  }
}

/** The seals with which the acting person may sign, and the one that is chosen. */
export function useSeals() {
  const seals = shallowRef<Seal[]>([])
  const chosen = ref('')
  const images = shallowRef(pictures())
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
    const made = (await (await send(request)).json()) as Seal
    seals.value = [...seals.value.filter((one) => one.seal_id !== made.seal_id), made]
    images.value = { ...images.value, [made.seal_id]: await dataUrl(png) }
    chosen.value = made.seal_id
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ [made.seal_id]: images.value[made.seal_id] }))
    } catch {
      // The picture lasts as long as the page, then.
    }
    return made
  })

  return { seals, chosen, seal, images, load, keep }
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => {
      resolve(reader.result as string)
    }
    reader.onerror = () => {
      reject(new Error('the image cannot be read'))
    }
    reader.readAsDataURL(blob)
  })
}
