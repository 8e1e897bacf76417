import './styles/tokens.css'
import './styles/base.css'
import './styles/element.css'
import { ElMessage } from 'element-plus'
import { createApp } from 'vue'
import { asProblem } from './api/problem'
import App from './App.vue'
import { i18n, restoreLanguage } from './i18n'
import { router, titlePage } from './router'
import { problemText } from './ui/problemText'

await restoreLanguage().catch(() => undefined)

const app = createApp(App).use(i18n).use(router)

// What no page foresaw is at least said.
function tell(error: unknown): void {
  console.error(error)
  ElMessage.error(problemText(asProblem(error), i18n.global.t))
}
app.config.errorHandler = tell
addEventListener('unhandledrejection', (event) => {
  event.preventDefault()
  tell(event.reason)
})

await router.isReady().catch(() => undefined)
titlePage()
app.mount('#app')
document.documentElement.setAttribute('data-ready', '')
