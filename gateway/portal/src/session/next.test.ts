import { expect, test } from 'vitest'
import { nextAfterLogin } from './next'

test.each(['/contracts/pending?page=3', '/apply', '/contracts/c-1/sign#page'])('%s is where to go on', (next) => {
  expect(nextAfterLogin(next)).toBe(next)
})

test.each([
  '//evil.example',
  '/\\\\evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  '/login?next=/',
  '',
  null,
  ['/a'],
])('%s leads home', (next) => {
  expect(nextAfterLogin(next)).toBe('/')
})
