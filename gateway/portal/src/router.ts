import { nextTick, watch } from 'vue'
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { i18n } from '@/i18n'
import { current, hasExpired, whoIsThere } from '@/session'
import { nextAfterLogin } from '@/session/next'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the page's title. */
    title: string
    /** Only for people who are signed in. */
    person?: true
    /** No header and menu around it. */
    bare?: true
    /** A session may have begun elsewhere. */
    arrival?: true
  }
}

export const routes: RouteRecordRaw[] = [
  {
    path: '/',
    name: 'home',
    component: () => import('@/pages/HomePage.vue'),
    meta: { title: 'menu.home', person: true },
  },
  { path: '/login', name: 'login', component: () => import('@/pages/LoginPage.vue'), meta: { title: 'login.title' } },
  {
    path: '/contracts/pending',
    name: 'pending',
    component: () => import('@/pages/PendingPage.vue'),
    meta: { title: 'menu.pending', person: true },
  },
  {
    path: '/contracts/signed',
    name: 'signed',
    component: () => import('@/pages/SignedPage.vue'),
    meta: { title: 'menu.signed', person: true },
  },
  {
    path: '/contracts/:id',
    name: 'contract',
    component: () => import('@/pages/ContractPage.vue'),
    props: true,
    meta: { title: 'contract.preview', person: true },
  },
  {
    path: '/contracts/:id/sign',
    name: 'sign',
    component: () => import('@/pages/sign/SignPage.vue'),
    props: true,
    meta: { title: 'sign.title', person: true },
  },
  {
    path: '/f/return',
    name: 'face-return',
    component: () => import('@/pages/face/ReturnPage.vue'),
    meta: { title: 'face.returned', bare: true },
  },
  {
    path: '/f/:token',
    name: 'face',
    component: () => import('@/pages/face/RelayPage.vue'),
    props: true,
    meta: { title: 'face.title', bare: true },
  },
  {
    path: '/verify',
    name: 'verify',
    component: () => import('@/pages/VerifyPage.vue'),
    meta: { title: 'menu.verify' },
  },
  {
    path: '/evidence',
    name: 'evidence',
    component: () => import('@/pages/EvidencePage.vue'),
    meta: { title: 'evidence.title' },
  },
  {
    path: '/apply',
    name: 'apply',
    component: () => import('@/pages/ApplyPage.vue'),
    meta: { title: 'menu.apply', person: true, arrival: true },
  },
  {
    path: '/applications',
    name: 'applications',
    component: () => import('@/pages/ApplicationsPage.vue'),
    meta: { title: 'menu.applications', person: true },
  },
  {
    path: '/account',
    name: 'account',
    component: () => import('@/pages/AccountPage.vue'),
    meta: { title: 'account.title', person: true },
  },
  {
    path: '/help/paper',
    name: 'paper',
    component: () => import('@/pages/PaperPage.vue'),
    meta: { title: 'paper.title' },
  },
  {
    path: '/:path(.*)*',
    name: 'nowhere',
    component: () => import('@/pages/NowherePage.vue'),
    meta: { title: 'nowhere.title' },
  },
]

export const router = createRouter({
  history: createWebHistory(),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  // What goes wrong here is shown by the page itself, which asks again.
  const session = await whoIsThere(to.meta.arrival).catch(() => undefined)
  if (to.meta.person && session === null) return { name: 'login', query: to.path === '/' ? {} : { next: to.fullPath } }
  if (to.name === 'login' && session) return nextAfterLogin(to.query['next'])
  return true
})

export function titlePage(): void {
  const { t } = i18n.global
  const title = router.currentRoute.value.meta.title
  document.title = title ? `${t(title)} · ${t('brand')}` : t('brand')
}

router.afterEach((to, from, failure) => {
  if (failure) return
  titlePage()
  if (from.matched.length && to.path !== from.path) void focusTitle()
})

/** Screen readers and keyboards go on at the new page's heading. */
async function focusTitle(): Promise<void> {
  await nextTick()
  document.getElementById('page-title')?.focus({ preventScroll: true })
}

// A chunk of an earlier release is gone: load the page anew, once.
router.onError((error, to) => {
  if (!/dynamically imported module|module script/.test(String(error))) return
  const key = `esign.reloaded:${to.path}`
  if (sessionStorage.getItem(key)) return
  sessionStorage.setItem(key, '1')
  location.assign(to.fullPath)
})

watch(current, (session) => {
  const route = router.currentRoute.value
  if (!session && route.meta.person)
    void router.replace({ name: 'login', query: hasExpired.value ? { next: route.fullPath } : {} })
})
