import { expect, test } from 'vitest'
import { isSupported } from './browser'

const chrome =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

test.each([
  chrome,
  `${chrome} Edg/140.0.0.0`,
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0.0.0 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 EdgiOS/140.0 Mobile/15E148 Safari/604.1',
])('%s is supported', (agent) => {
  expect(isSupported(agent)).toBe(true)
})

test.each([
  chrome.replace('140', '95'),
  `${chrome} OPR/120.0`,
  `${chrome} MicroMessenger/8.0`,
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
])('%s is not', (agent) => {
  expect(isSupported(agent)).toBe(false)
})
