import { reactive, ref, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { api, content, type Schemas } from '@/api/client'
import { asProblem } from '@/api/problem'
import { useTask } from '@/api/task'
import type { Session } from '@/session'
import { mobileNumber } from './phone'

/**
 * The steps of a login. For a company the code is redeemed first, for a ticket that names the companies; the ticket and the
 * chosen company then make the session. A single company is chosen by itself.
 */
export function useLogin(kind: Session['kind'], entered: (session: Session) => void) {
  const { t } = useI18n()
  const form = reactive({ phone: '', company: '', code: '', captcha: '', consent: false })
  const wrong = reactive({ phone: '', company: '', code: '', captcha: '', consent: '' })
  const ticket = shallowRef<Schemas['EnterpriseTicket'] | null>(null)
  const captcha = shallowRef<Schemas['Captcha'] | null>(null)
  /** For how many minutes the code is good that was sent last; 0 before. */
  const sent = ref(0)

  for (const field of Object.keys(wrong) as (keyof typeof wrong)[]) {
    watch(
      () => form[field],
      () => {
        wrong[field] = ''
      },
    )
  }

  const sending = useTask(async (phone: string) => {
    const solved = captcha.value
    try {
      const answer = await content(
        api.POST('/v1/login/codes', {
          body: { phone, captcha_id: solved?.captcha_id ?? '', captcha_answer: solved ? form.captcha.trim() : '' },
        }),
      )
      captcha.value = null
      sent.value = Math.max(1, Math.round((Date.parse(answer.expires_at) - Date.now()) / 60_000))
      return answer.retry_after_seconds
    } catch (error) {
      const problem = asProblem(error)
      if (!problem.code.startsWith('CAPTCHA_')) {
        // A captcha is good once, whatever became of the request.
        if (solved) await nextCaptcha()
        throw error
      }
      await nextCaptcha()
      if (solved) wrong.captcha = problem.title
      return null
    }
  })

  async function nextCaptcha(): Promise<void> {
    captcha.value = await content(api.POST('/v1/captchas'))
    form.captcha = ''
  }

  const renewing = useTask(nextCaptcha)

  /** Ask for a code; answers the seconds until the next may be asked for, null when none was sent. */
  async function sendCode(): Promise<number | null> {
    entering.problem.value = null
    const phone = checkedPhone()
    if (captcha.value && !form.captcha.trim()) wrong.captcha = t('login.captchaEmpty')
    if (!phone || wrong.captcha) return null
    const seconds = await sending.run(phone)
    return seconds ?? sending.problem.value?.retryAfter ?? null
  }

  /** The box was ticked: have it kept which text was accepted, then go on. Should that fail, every page asks again. */
  async function enter(session: Session): Promise<void> {
    if (!session.terms_due) {
      entered(session)
      return
    }
    try {
      const text = await content(api.GET('/v1/consents/{kind}', { params: { path: { kind: 'terms' } } }))
      await content(api.POST('/v1/consents/terms', { body: { version: text.version, sha256: text.sha256 } }))
    } catch (error) {
      console.warn('the consent could not be kept', asProblem(error).code)
      entered(session)
      return
    }
    entered({ ...session, terms_due: false })
  }

  const entering = useTask(async (phone: string) => {
    const body = { phone, code: form.code }
    if (kind === 'individual') {
      await enter(await content(api.POST('/v1/login', { body })))
      return
    }
    if (!ticket.value) {
      ticket.value = await content(api.POST('/v1/login/enterprise', { body }))
      const [only, ...others] = ticket.value.companies
      if (!only || others.length) return
      form.company = only.organisation_id
    }
    try {
      const choice = { ticket: ticket.value.ticket, organisation_id: form.company }
      await enter(await content(api.POST('/v1/login/enterprise/company', { body: choice })))
    } catch (error) {
      // Without an answer the ticket may still be good; otherwise it is not.
      if (!asProblem(error).passing) startAgain()
      throw error
    }
  })

  function startAgain(): void {
    ticket.value = null
    form.company = ''
    form.code = ''
  }

  function checkedPhone(): string | null {
    const phone = mobileNumber(form.phone)
    if (!phone) wrong.phone = t('login.phoneWrong')
    return phone
  }

  /** Go on with the login; answers whether a company is to be chosen now. */
  async function submit(): Promise<boolean> {
    if (entering.busy.value) return false
    sending.problem.value = null
    const phone = checkedPhone()
    if (!/^\d{6}$/.test(form.code) && !ticket.value) wrong.code = t('login.codeWrong')
    if (ticket.value && !form.company) wrong.company = t('login.companyHint')
    if (!form.consent) wrong.consent = t('login.consentNeeded')
    if (!phone || wrong.code || wrong.company || wrong.consent) return false
    await entering.run(phone)
    return ticket.value !== null && !form.company
  }

  return { form, wrong, ticket, captcha, sent, sending, renewing, entering, sendCode, submit }
}
