/** A rehearsal finds what would go wrong on the day, and says how to mend it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startOpenRouter } from '../../simulators/openrouter/server'
import { templateOfRun } from '../../tests/database'
import { fileWith } from '../../tests/workshop-file'
import { rehearse, rehearsalText, type RehearsalInput } from './rehearse'

const good = {
  claims_open_at: '2027-04-14T09:00:00+02:00',
  claims_close_at: '2027-04-14T18:00:00+02:00',
  key_expires_at: '2027-04-15T00:00:00Z',
  limit_usd: '24',
  max_keys: '12',
  pause_on_runaway: 'true',
}

/** Plays this file with twelve people; the provider's public list is a stand-in's. */
async function played(change: Record<string, string | null>, input: Partial<RehearsalInput> = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-rehearse-'))
  const provider = await startOpenRouter()
  const file = path.join(folder, 'agents.yaml')
  writeFileSync(file, fileWith({ ...good, ...change }))
  const given = {
    file,
    people: 12,
    at: null,
    modelsFrom: provider.baseUrl,
    now: new Date('2027-04-01T12:00:00Z'),
    template: templateOfRun(),
    ...input,
  }
  try {
    const made = await rehearse(given)
    return { ...made, file, text: rehearsalText(given, made) }
  } finally {
    await provider.stop()
    rmSync(folder, { recursive: true })
  }
}

test('a good file is played from the first arrival to the settled books, and is ready', async () => {
  const { isReady, day, advice, text } = await played({})
  expect(advice).toEqual([])
  expect(isReady).toBe(true)
  expect(day).toMatchObject({ withKey: 12, refused: {}, unserved: 0, unbound: 0, leftOpen: 0 })
  expect(day!.missingUsd).toBeLessThan(0.001)
  const times = day!.timeline.map(({ at }) => at.getTime())
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(text).toMatch(/ 08:50 {2}1 person at the page, 1 refused: claims are not open yet/)
  expect(text).toContain('429')
  expect(text).toContain('18:00  Claims close; one who comes now is told so.')
  expect(text).toContain('12 of 12 people got a key')
  expect(day!.runaway).toMatchObject({ heldAfterSeconds: 60, wasOff: true, goesOn: true })
  expect(text).toContain('1 min later it is on hold with $1.78 left, and its page says why.')
  expect(text).toContain(
    'A key that spent $0.22 a minute was put on hold after 60 s, with $1.78 of $2.00 left; its owner went on.',
  )
  expect(text).toContain('Result: ready.')
}, 120_000)

test('a file of last year is played on its own day, to keys for everybody', async () => {
  const { day, advice } = await played(
    {
      claims_open_at: '2025-04-14T09:00:00+02:00',
      claims_close_at: '2025-04-14T18:00:00+02:00',
      key_expires_at: '2025-04-15T00:00:00Z',
    },
    { people: 3 },
  )
  expect(day).toMatchObject({ withKey: 3, refused: {}, leftOpen: 0 })
  expect(advice.filter(({ isError }) => isError)).toEqual([])
}, 120_000)

test('a pool too small for the people is found, with the pool that they need', async () => {
  const { isReady, day, text, file } = await played({ limit_usd: '16', max_keys: null })
  expect(isReady).toBe(false)
  expect(day).toMatchObject({ withKey: 8, refused: { full: 4 } })
  expect(text).toContain(
    `${file}:6 limit_usd: is too small: 4 of 12 people get no key  → write limit_usd: 24, or lower key_limit_usd`,
  )
  const seats = await played({ max_keys: '10' })
  expect(seats.text).toContain(
    'max_keys: is too small: 2 of 12 people get no key  → write max_keys: 12',
  )
}, 120_000)

test('a window in the wrong zone is found: by its hour alone, and by when people come', async () => {
  const night = await played({ claims_open_at: '2027-04-14T02:00:00+02:00' })
  expect(night.isReady).toBe(false)
  expect(night.text).toContain(
    `${night.file}:3 claims_open_at: claims open at an unlikely hour, Wed 14 Apr 2027, 02:00 Europe/Berlin`,
  )
  expect(night.text).toContain('check the offset of the time, and timezone: Europe/Berlin')

  // Written as if the venue were in London.
  const late = await played({ claims_open_at: '2027-04-14T09:00:00Z' }, { at: '09:00' })
  expect(late.isReady).toBe(false)
  expect(late.day!.tooEarly.count).toBe(12)
  expect(late.text).toContain(
    'from 09:00 on, and claims open 2 h later, at Wed 14 Apr 2027, 11:00 Europe/Berlin (09:00 UTC)',
  )
  expect(late.text).toContain('write 2027-04-14T09:00:00+02:00')
}, 120_000)

test('a model that does not exist is found, with what it does to the keys and the nearest name', async () => {
  const { isReady, day, text } = await played({ allowed_models: '[openai/gpt-5-nan]' })
  expect(isReady).toBe(false)
  expect(day).toMatchObject({ withKey: 12, unbound: 12 })
  expect(text).toContain(
    'allowed_models: openai/gpt-5-nan does not exist: 12 keys could not be limited',
  )
  expect(text).toContain('→ write openai/gpt-5-nano')
}, 120_000)

test('without a network an unknown model is a warning; a bad file is not played', async () => {
  const offline = { modelsFrom: 'http://127.0.0.1:9/api/v1' }
  const unknown = await played({ allowed_models: '[openai/gpt-5-nan]' }, { ...offline, people: 2 })
  expect(unknown.isReady).toBe(true)
  expect(unknown.text).toContain('openai/gpt-5-nan could not be looked up')
  expect(unknown.text).toContain('did you mean openai/gpt-5-nano?')
  expect(unknown.text).toContain('Played without openai/gpt-5-nan')

  const bad = await played({ limit_usd: '1' })
  expect([bad.isReady, bad.day]).toEqual([false, null])
  expect(bad.text).toContain('Result: not ready. Change')
  expect(bad.text).toContain(`${bad.file}:7 key_limit_usd`)
}, 120_000)

test('without pause_on_runaway, a key that a loop would empty long before the end is a warning', async () => {
  const plain = await played({ pause_on_runaway: null }, { people: 3 })
  expect([plain.isReady, plain.day!.runaway]).toEqual([true, null])
  expect(plain.text).toContain(
    `${plain.file}:7 key_limit_usd: a script in a loop on anthropic/claude-sonnet-4.6 spends about $0.90 a minute ` +
      'and empties a key of $2.00 in 2 minutes  → add `pause_on_runaway: true`',
  )

  // Cheap models, and a hold at the shortest time, which a key with all its money left reaches.
  const cheap = await played(
    { allowed_models: '[openai/gpt-5-nano]', pause_on_runaway: '2m' },
    { people: 1 },
  )
  expect(cheap.advice).toEqual([])
  expect(cheap.day!.runaway).toMatchObject({ wasOff: true, goesOn: true })
}, 120_000)
