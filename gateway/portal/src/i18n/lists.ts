import { i18n } from '.'

/** The texts of a list in the reader's language. */
export function texts(key: string): string[] {
  const { tm, rt } = i18n.global
  const found: unknown = tm(key as never)
  return Array.isArray(found) ? found.map((item) => rt(item as string)) : []
}
