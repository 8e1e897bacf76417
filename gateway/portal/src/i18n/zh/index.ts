import account from './account'
import apply from './apply'
import common from './common'
import documents from './documents'
import face from './face'
import login from './login'
import sign from './sign'
import verify from './verify'

export default { ...common, ...login, ...documents, ...verify, ...apply, ...account, ...sign, ...face }
