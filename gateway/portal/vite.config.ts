import vue from '@vitejs/plugin-vue'
import element from 'unplugin-element-plus/vite'
import { defineConfig } from 'vitest/config'
import { compressed } from './tools/compressed.ts'

// Where a gateway answers while the portal is worked on.
const gateway = process.env.ESIGN_GATEWAY ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [vue(), element({}), compressed()],
  define: {
    __VUE_OPTIONS_API__: true,
    __VUE_I18N_LEGACY_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  build: {
    // The content security policy allows files of this site alone, no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: { proxy: { '/v1': { target: gateway }, '/sso': { target: gateway } } },
  test: { include: ['src/**/*.test.ts'] },
})
