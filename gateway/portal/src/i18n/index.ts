import { computed, type Ref } from 'vue'
import { createI18n } from 'vue-i18n'
import zh from './zh'

export type Messages = typeof zh
export type Locale = 'zh' | 'en'

const KEY = 'esign.locale'

function remembered(): Locale {
  try {
    return localStorage.getItem(KEY) === 'en' ? 'en' : 'zh'
  } catch {
    return 'zh'
  }
}

export const i18n = createI18n<[Messages], Locale, false>({
  legacy: false,
  locale: 'zh',
  fallbackLocale: 'zh',
  messages: { zh } as Record<Locale, Messages>,
})

/** The language of the screens: Chinese unless the reader chose English. */
export const locale: Readonly<Ref<Locale>> = computed(() => i18n.global.locale.value)

/** Change the language, here and at the next visit. */
export async function choose(language: Locale): Promise<void> {
  if (language === 'en' && !i18n.global.availableLocales.includes('en')) {
    i18n.global.setLocaleMessage('en', (await import('./en')).default)
  }
  i18n.global.locale.value = language
  document.documentElement.lang = language === 'en' ? 'en' : 'zh-CN'
  try {
    localStorage.setItem(KEY, language)
  } catch {
    // Without storage the choice lasts until the page is left.
  }
}

/** The language of the last visit. */
export function restoreLanguage(): Promise<void> {
  return choose(remembered())
}
