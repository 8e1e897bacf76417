import { expect, test } from 'vitest'
import { mobileNumber } from './phone'

test.each([
  ['13800005678', '13800005678'],
  [' 138 0000 5678 ', '13800005678'],
  ['+86 138-0000-5678', '13800005678'],
  ['8613800005678', '13800005678'],
  ['１３８００００５６７８', '13800005678'],
])('%s is a mobile number', (typed, digits) => {
  expect(mobileNumber(typed)).toBe(digits)
})

test.each(['', '12800005678', '1380000567', '138000056789', '+1 13800005678', '1380000567a'])('%s is none', (typed) => {
  expect(mobileNumber(typed)).toBeNull()
})
