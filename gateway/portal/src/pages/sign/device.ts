/** Whether this is a phone or tablet in the hand: its own camera is then the nearest. */
export function isPhone(): boolean {
  const data = (navigator as { userAgentData?: { mobile: boolean } }).userAgentData
  if (data?.mobile) return true
  return /Android|iPhone|iPad|Mobile|HarmonyOS/.test(navigator.userAgent)
}
