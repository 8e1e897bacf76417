/** A mainland mobile number as 11 digits, however it was typed (full-width digits, spaces, +86); null when it is none. */
export function mobileNumber(typed: string): string | null {
  const digits = typed.normalize('NFKC').replace(/[\s()-]/g, '')
  return /^(?:\+?86)?(1[3-9]\d{9})$/.exec(digits)?.[1] ?? null
}
