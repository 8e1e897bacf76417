import { expect, test } from 'vitest'
import { fileSize } from './size'
import { day, moment, money } from './time'

test('moments are those of Beijing', () => {
  expect(moment('2026-07-01T17:30:05.250Z')).toBe('2026-07-02 01:30:05')
  expect(day('2026-12-31T16:00:00Z')).toBe('2027-01-01')
  expect(moment(null)).toBe('—')
})

test('money stays decimal text', () => {
  expect(money({ currency: 'CNY', amount: '12800.00' })).toBe('¥12,800.00')
  expect(money({ currency: 'CNY', amount: '90071992547409930.10' })).toBe('¥90,071,992,547,409,930.10')
  expect(money({ currency: 'USD', amount: '999' })).toBe('USD 999')
  expect(money(null)).toBe('—')
})

test('sizes of files', () => {
  expect(fileSize(512)).toBe('512 B')
  expect(fileSize(350 * 1024)).toBe('350 KB')
  expect(fileSize(1.2 * 2 ** 20)).toBe('1.2 MB')
  expect(fileSize(100 * 2 ** 20)).toBe('100 MB')
})
