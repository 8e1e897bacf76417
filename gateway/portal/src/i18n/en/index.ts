import type { Messages } from '..'
import account from './account'
import apply from './apply'
import common from './common'
import documents from './documents'
import login from './login'
import verify from './verify'

const messages: Messages = { ...common, ...login, ...documents, ...verify, ...apply, ...account }
export default messages
