import { i18n } from '.'

function format(options: Intl.DateTimeFormatOptions, moment: string | null | undefined): string {
  if (!moment) return '—'
  const language = i18n.global.locale.value === 'en' ? 'en-GB' : 'zh-CN'
  return new Intl.DateTimeFormat(language, { timeZone: 'Asia/Shanghai', ...options }).format(new Date(moment))
}

/** Date and time in Beijing, where the contracts are made; a dash when there is none. */
export function moment(value: string | null | undefined): string {
  return format({ dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' }, value)
}

/** The date in Beijing. */
export function day(value: string | null | undefined): string {
  return format({ dateStyle: 'medium' }, value)
}

/** An amount such as ¥12,800.00; decimal text is never made a floating-point number. */
export function money(value: { currency: string; amount: string } | null | undefined): string {
  if (!value) return '—'
  const [whole = '', cents] = value.amount.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',') + (cents === undefined ? '' : `.${cents}`)
  return value.currency === 'CNY' ? `¥${grouped}` : `${value.currency} ${grouped}`
}
