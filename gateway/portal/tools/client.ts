/** Writes src/api/schema.d.ts, the types of the gateway's API, from its OpenAPI description; with `--check` only compares. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import openapi, { astToString } from 'openapi-typescript'
import { format, resolveConfig } from 'prettier'

const root = new URL('../../../', import.meta.url)
const target = new URL('../src/api/schema.d.ts', import.meta.url).pathname
const python = new URL('.venv/bin/python', root).pathname
const description = execFileSync(python, ['-m', 'esign_gateway.openapi'], { cwd: root, maxBuffer: 64 * 2 ** 20 })
const types = astToString(await openapi(description.toString()))
const text = await format(`// Generated from the gateway's OpenAPI description by \`npm run client\`.\n\n${types}`, {
  ...(await resolveConfig(target)),
  parser: 'typescript',
})

if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
} else if (readFileSync(target, 'utf8') !== text) {
  console.error("src/api/schema.d.ts is not what the gateway's API says: run `npm run client` in gateway/portal")
  process.exitCode = 1
}
