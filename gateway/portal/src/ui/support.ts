import { shallowRef } from 'vue'
import { api, content, type Schemas } from '@/api/client'

/** The phones that people may call; empty until they are known, or when none are configured. */
export const support = shallowRef<Schemas['SupportContact'][]>([])

let asked = false

export async function loadSupport(): Promise<void> {
  if (asked) return
  asked = true
  try {
    support.value = (await content(api.GET('/v1/public/support'))).items
  } catch {
    // A page without phones says whom to ask instead; the next one tries again.
    asked = false
  }
}
