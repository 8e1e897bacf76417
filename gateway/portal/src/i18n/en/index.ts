import type { Messages } from '..'
import account from './account'
import apply from './apply'
import common from './common'
import documents from './documents'
import face from './face'
import login from './login'
import sign from './sign'
import verify from './verify'

const messages: Messages = { ...common, ...login, ...documents, ...verify, ...apply, ...account, ...sign, ...face }
export default messages
