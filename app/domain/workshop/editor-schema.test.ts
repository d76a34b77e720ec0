/** What the parser takes, an editor does not mark; what it marks, the parser refuses. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { fileWith, GIVEAWAY, problemsOf } from '../../../tests/workshop-file'
import { editorSchema } from './editor-schema'
import { KNOWN } from './field-names'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const checkedIn = JSON.parse(read('docs/workshop-file.schema.json')) as z.core.JSONSchema.JSONSchema
const { allOf = [], ...fields } = checkedIn
// Apart: together, a name that one of them does not know passes for the other's.
const parts = [fields, ...allOf].map((part) => z.fromJSONSchema(part))
const marked = (text: string) =>
  parts.flatMap((part) => part.safeParse(parse(text)).error?.issues ?? [])
const isFine = (text: string) => marked(text).length === 0

test('the checked-in schema is current: npm run workshops:schema writes it', () => {
  expect(checkedIn).toEqual(JSON.parse(JSON.stringify(editorSchema())))
  expect(Object.keys(checkedIn.properties ?? {}).sort()).toEqual([...KNOWN].sort())
  for (const [name, field] of Object.entries(checkedIn.properties ?? {}))
    expect(field, name).toHaveProperty('description')
})

test('the samples name the schema, and editors mark nothing in them', () => {
  const folder = 'simulators/workshops'
  for (const name of readdirSync(join(root, folder))) {
    const text = read(`${folder}/${name}`)
    expect(text, name).toMatch(
      /^# yaml-language-server: \$schema=\.\.\/\.\.\/docs\/workshop-file\.schema\.json\n/,
    )
    expect(marked(text), name).toEqual([])
  }
  const example = /```yaml\n(# yaml[^]*?)```/.exec(read('docs/workshop-files.md'))?.[1]
  expect(isFine(example ?? '')).toBe(true)
  expect(isFine(fileWith({}, GIVEAWAY))).toBe(true)
})

const good: [string, Record<string, string | null>][] = [
  ['limit_usd', { limit_usd: '"300.50"' }],
  ['key_limit_reset', { key_limit_reset: 'daily' }],
  ['key_expires_in', { key_expires_at: null, key_expires_in: '36h' }],
  ['max_keys', { max_keys: null }],
  ['premint', { premint: '40' }],
  ['organizer', { organizer: '{name: Ada, email: ada@example.org, url: https://example.org}' }],
  ['organizers', { organizers: '[ada@example.org, octocat]' }],
  ['docs_url', { docs_url: 'https://example.org/setup' }],
  ['min_account_age', { min_account_age: '30d', providers: '[github]' }],
  ['allowed_domains', { allowed_domains: '[example.org, "*.example.org"]' }],
  ['roster', { roster: '[octocat, r1.5f0c2a91.Zk3vJ0m2b1yq8Xw7Rj5T0A]' }],
  ['roster', { roster: '{file: /etc/keymint/duckdb.txt}' }],
  ['room_code', { room_code: 'rotating' }],
  ['listed', { listed: 'false' }],
  ['tools', { tools: '[claude-code, python, curl]' }],
  ['release_unused_after', { waitlist: 'true', release_unused_after: '45m' }],
  ['pause_on_runaway', { pause_on_runaway: 'true' }],
  ['pause_on_runaway', { pause_on_runaway: '5m' }],
  ['claims_open_at', { claims_open_at: '2026-04-14 08:30:00.5+02:00' }],
]

test.each(good)('%s: a right line is right in both', (_, change) => {
  const text = fileWith(change)
  expect([problemsOf(text), isFine(text)]).toEqual([[], true])
})

const wrong: [string, Record<string, string | null>][] = [
  ['title', { title: null }],
  ['a name', { key_limit_used: '2' }],
  ['kind', { kind: 'conference' }],
  ['claims_open_at', { claims_open_at: '2026-04-14T08:30:00' }],
  ['claims_close_at', { claims_close_at: null }],
  ['allowed_models', { allowed_models: '[GPT-5]' }],
  ['allowed_models', { allowed_models: '[]' }],
  ['limit_usd', { limit_usd: '$300' }],
  ['limit_usd', { limit_usd: null }],
  ['key_limit_usd', { key_limit_usd: '-2' }],
  ['key_limit_reset', { key_limit_reset: 'hourly' }],
  ['two ends', { key_expires_in: '7d' }],
  ['no end', { key_expires_at: null }],
  ['key_expires_in', { key_expires_at: null, key_expires_in: '7 days' }],
  ['providers', { providers: '[gitlab]' }],
  ['max_keys', { max_keys: '1.5' }],
  ['timezone', { timezone: 'CET+1' }],
  ['organizer', { organizer: '{email: ada@example.org}' }],
  ['docs_url', { docs_url: 'http://example.org' }],
  ['roster', { roster: '{file: roster.txt}' }],
  ['room_code', { room_code: '1234' }],
  ['listed', { listed: 'no' }],
  ['tools', { tools: '[vim]' }],
  ['release_unused_after', { waitlist: 'true', release_unused_after: '1d' }],
  ['pause_on_runaway', { pause_on_runaway: '1m' }],
]

test.each(wrong)('%s: a wrong line is wrong in both', (_, change) => {
  const text = fileWith(change)
  expect([problemsOf(text).length > 0, isFine(text)]).toEqual([true, false])
})

test('a giveaway needs its number of keys and the terms', () => {
  for (const name of ['max_keys', 'acknowledged_terms', 'kind']) {
    const text = fileWith({ [name]: null }, GIVEAWAY)
    expect([problemsOf(text).length > 0, isFine(text)], name).toEqual([true, false])
  }
})
