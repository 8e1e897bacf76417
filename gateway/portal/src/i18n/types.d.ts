import type { Messages } from '.'

declare module 'vue-i18n' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- how vue-i18n learns its keys
  export interface DefineLocaleMessage extends Messages {}
}
