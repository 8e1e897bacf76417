import zh from '@/i18n/zh/face'

type Translate = (key: string, facts?: Record<string, unknown>) => string

/** Why a face check failed, in one sentence for people. */
export function reasonText(code: string, t: Translate): string {
  return t(`face.reasons.${code in zh.face.reasons ? code : 'other'}`)
}

/** Why a challenge is shown again. */
export function hintText(code: string, t: Translate): string {
  return t(`face.camera.hints.${code in zh.face.camera.hints ? code : 'other'}`)
}
