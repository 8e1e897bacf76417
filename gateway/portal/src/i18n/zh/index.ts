import account from './account'
import apply from './apply'
import common from './common'
import documents from './documents'
import login from './login'
import verify from './verify'

export default { ...common, ...login, ...documents, ...verify, ...apply, ...account }
