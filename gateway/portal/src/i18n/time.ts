// Digits in the same order in both languages, as on the contracts.
const FORMAT = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Asia/Shanghai',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** Date and time in Beijing, where the contracts are made: 2026-07-01 09:30:00; a dash when there is none. */
export function moment(value: string | null | undefined): string {
  return value ? FORMAT.format(new Date(value)) : '—'
}

/** The date in Beijing. */
export function day(value: string | null | undefined): string {
  return moment(value).slice(0, 10)
}

/** An amount such as ¥12,800.00; decimal text is never made a floating-point number. */
export function money(value: { currency: string; amount: string } | null | undefined): string {
  if (!value) return '—'
  const [whole = '', cents] = value.amount.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',') + (cents === undefined ? '' : `.${cents}`)
  return value.currency === 'CNY' ? `¥${grouped}` : `${value.currency} ${grouped}`
}
