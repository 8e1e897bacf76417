import { expect, test } from 'vitest'
import { fileName } from './file'

test.each([
  [`attachment; filename="__.pdf"; filename*=UTF-8''%E7%A7%9F%E8%B5%81.pdf`, '租赁.pdf'],
  ['attachment; filename="evidence-9f.zip"', 'evidence-9f.zip'],
  [`attachment; filename="a.pdf"; filename*=UTF-8''%E7%A`, 'a.pdf'],
  ['', 'download'],
])('%s', (header, name) => {
  expect(fileName(header)).toBe(name)
})
