import { computed, onMounted, shallowRef, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { api, content, type Schemas } from '@/api/client'
import { useTask } from '@/api/task'

export type Contract = Schemas['Contract']

const SIZE = 10

/** A list of the person's contracts, the page of which is in the address: going back finds it again. */
export function useContracts(list: 'pending' | 'signed') {
  const route = useRoute()
  const router = useRouter()
  const found = shallowRef<Schemas['ContractPage'] | null>(null)
  const asked = computed(() => Math.max(1, Number.parseInt(String(route.query['page'] ?? ''), 10) || 1))
  const page = computed({
    get: () => asked.value,
    set: (number) => void router.push({ query: number > 1 ? { page: number } : {} }),
  })

  const load = useTask(async () => {
    const query = { list, page: asked.value, size: SIZE }
    const answer = await content(api.GET('/v1/contracts', { params: { query } }))
    found.value = answer
    const last = Math.max(1, Math.ceil(answer.total / SIZE))
    if (asked.value > last) page.value = last
  })
  onMounted(load.run)
  watch(asked, () => void load.run())

  const number = (index: number) => (asked.value - 1) * SIZE + index + 1
  return { found, page, load, number, size: SIZE }
}
