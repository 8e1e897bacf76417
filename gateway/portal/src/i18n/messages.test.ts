import { expect, test } from 'vitest'
import en from './en'
import zh from './zh'

function shape(value: unknown, path = ''): string[] {
  if (typeof value === 'string') {
    const facts = [...value.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
    return [`${path} ${facts.join(',')}`]
  }
  return Object.entries(value as object).flatMap(([key, inner]) => shape(inner, `${path}.${key}`))
}

test('both languages say the same things with the same facts', () => {
  expect(shape(en)).toEqual(shape(zh))
})

test('no text holds what the message syntax would swallow', () => {
  const texts = JSON.stringify([zh, en])
  expect(texts).not.toMatch(/@[a-z]|\|/)
})
