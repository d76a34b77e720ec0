import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { brief, fileWith, GIVEAWAY, problemsOf, workshopOf } from '../../../tests/workshop-file'
import { isSample } from './samples'
import { MAX_SLUG_LENGTH, formatProblem, parseWorkshopFile } from './parse'
import { keysThatFit } from './worst-case'

const FOLDER = join(import.meta.dirname, '../../../simulators/workshops')

test('the file of the design is a workshop', () => {
  const parsed = parseWorkshopFile(fileWith({}), 'workshops/duckdb-agents.yaml')
  expect(parsed).toEqual({
    ok: true,
    warnings: [],
    workshop: {
      slug: 'duckdb-agents',
      kind: 'workshop',
      title: 'Build an analytics agent on DuckDB',
      claimsOpenAt: new Date('2026-04-14T06:30:00Z'),
      claimsCloseAt: new Date('2026-04-14T16:00:00Z'),
      allowedModels: ['anthropic/claude-sonnet-4.6', 'openai/gpt-5-nano'],
      poolLimit: 300_000_000_000n,
      keyLimit: 2_000_000_000n,
      keyLimitReset: null,
      keyExpiresAt: new Date('2026-04-15T00:00:00Z'),
      keyExpiresInMs: null,
      providers: ['github', 'google'],
      marketingOptIn: 'Tell me about the next workshop',
      maxKeys: 150,
      premint: null,
      description: null,
      venue: null,
      timezone: 'Europe/Berlin',
      organizer: { name: 'PyCon DE', email: 'workshops@example.org', url: null },
      organizers: [],
      docsUrl: null,
      acknowledgedTerms: false,
      minAccountAgeMs: null,
      allowedDomains: [],
      roster: null,
      rosterFile: null,
      roomCode: null,
      listed: true,
      cooldownMs: null,
      repositoryUrl: null,
      tools: [],
      askForMore: false,
      announceProblems: false,
      wallShowsSpending: false,
      waitlist: false,
      releaseUnusedAfterMs: null,
      pauseOnRunawayMinutes: null,
    },
  })
})

test('a file chooses what it wants of the live day, and nothing of it by itself', () => {
  const chosen = { ask_for_more: 'true', announce_problems: 'true', wall_shows_spending: 'true' }
  expect(workshopOf(fileWith(chosen))).toMatchObject({
    askForMore: true,
    announceProblems: true,
    wallShowsSpending: true,
  })
  expect(workshopOf(fileWith({ ...chosen, ask_for_more: 'false' })).askForMore).toBe(false)
  const runaway = (pause_on_runaway: string) =>
    workshopOf(fileWith({ pause_on_runaway })).pauseOnRunawayMinutes
  expect(['true', 'false', '5m', '60m'].map(runaway)).toEqual([10, null, 5, 60])
})

test('a giveaway needs no window and no pool', () => {
  const workshop = workshopOf(fileWith({ min_account_age: '30d', cooldown: '2w' }, GIVEAWAY))
  expect(workshop).toMatchObject({
    kind: 'giveaway',
    claimsOpenAt: null,
    poolLimit: null,
    maxKeys: 500,
    acknowledgedTerms: true,
    minAccountAgeMs: 30 * 86_400_000,
    cooldownMs: 14 * 86_400_000,
  })
})

test('every sample is good, without a warning', () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))
  expect(names.length).toBeGreaterThanOrEqual(3)
  for (const name of names) {
    const parsed = parseWorkshopFile(readFileSync(join(FOLDER, name), 'utf8'), name)
    expect(
      parsed.ok ? parsed.warnings.map(formatProblem) : parsed.problems.map(formatProblem),
      name,
    ).toEqual([])
    if (parsed.ok) expect(isSample(parsed.workshop), `${name} is known as a sample`).toBe(true)
    if (parsed.ok && parsed.workshop.claimsOpenAt !== null)
      expect(keysThatFit(parsed.workshop, parsed.workshop.claimsOpenAt)).toBeGreaterThan(0)
  }
})

test('nesting without end and names that are lists are refused where they stand', () => {
  expect(brief(fileWith({ description: '[[[[[a]]]]]' }))).toEqual([
    '15 description',
    '15 description[0][0][0]',
  ])
  expect(brief(`${fileWith({})}\n? [a]\n: b`)).toEqual(['15 file'])
})

test('a field given twice names both lines', () => {
  expect(problemsOf(`${fileWith({})}\ntitle: Again`)).toEqual([
    {
      file: 'workshops/foo.yaml',
      line: 15,
      column: 1,
      field: 'title',
      message: 'is given twice; the first is on line 1',
      remedy: 'keep one of the two',
    },
  ])
})

test('all problems of a file are told at once, in the order of its lines', () => {
  expect(
    brief(
      fileWith({
        title: '""',
        claims_open_at: 'soon',
        limit_usd: 'x',
        providers: '[gitlab]',
        timezone: 'Mars/Base',
        foo: '1',
      }),
    ),
  ).toEqual([
    '1 title',
    '3 claims_open_at',
    '6 limit_usd',
    '10 providers[0]',
    '13 timezone',
    '15 foo',
  ])
})

test('a misspelt required field is told once, as misspelt', () => {
  expect(brief(fileWith({ key_limit_usd: null, key_limit_used: '2' }))).toEqual([
    '14 key_limit_used',
  ])
})

test('lines are counted the same with Windows line ends and with a byte order mark', () => {
  const text = fileWith({ max_keys: 'many' })
  expect(brief(text.replaceAll('\n', '\r\n'))).toEqual(['12 max_keys'])
  expect(brief(`\ufeff${text}`)).toEqual(['12 max_keys'])
})

test('money is read from the text, never through a float', () => {
  expect(
    workshopOf(fileWith({ limit_usd: '99999999999.999999999', key_limit_usd: '"0.100000001"' })),
  ).toMatchObject({ poolLimit: 99_999_999_999_999_999_999n, keyLimit: 100_000_001n })
})

test('organizers are verified addresses or GitHub logins, in lower case', () => {
  expect(workshopOf(fileWith({ organizers: '[Ada@Example.org, OctoCat]' })).organizers).toEqual([
    'ada@example.org',
    'octocat',
  ])
  expect(problemsOf(fileWith({ organizers: '[ada@, not a login]' }))).toHaveLength(2)
})

test('an organizer may be a name with an address, an address, or a small mapping', () => {
  expect(workshopOf(fileWith({ organizer: 'a@example.org' })).organizer).toEqual({
    name: 'a@example.org',
    email: 'a@example.org',
    url: null,
  })
  expect(workshopOf(fileWith({ organizer: 'A <https://example.org/a>' })).organizer).toEqual({
    name: 'A',
    email: null,
    url: 'https://example.org/a',
  })
  expect(
    workshopOf(fileWith({ organizer: '\n  name: A\n  url: https://example.org/a' })).organizer,
  ).toEqual({ name: 'A', email: null, url: 'https://example.org/a' })
})

// A name that is not an address is refused with a better one.
test('the slug is the name of the file', () => {
  const refusal = (name: string) => problemsOf(fileWith({}), name)[0]
  expect(refusal('workshops/DuckDB Agents.yaml')).toMatchObject({
    line: 1,
    field: 'slug',
    remedy: 'rename it to duckdb-agents.yaml',
  })
  expect(refusal('a--b.yaml')).toMatchObject({ remedy: 'rename it to a-b.yaml' })
  expect(refusal('foo.yml')).toMatchObject({ remedy: 'rename it to foo.yaml' })
  expect(refusal('.yaml')).toMatchObject({ remedy: 'rename it to my-workshop.yaml' })
  expect(refusal(`${'a'.repeat(51)}.yaml`)).toMatchObject({
    message: expect.stringContaining('50') as string,
  })
  expect(refusal(`${'a'.repeat(50)}.yaml`)).toBeUndefined()
})

test('the longest slug fits the names upstream', () => {
  const uuid = 36
  expect(
    `km/${'x'.repeat(uuid)}/${'a'.repeat(MAX_SLUG_LENGTH)}/${'x'.repeat(uuid)}`.length,
  ).toBeLessThanOrEqual(200)
})

test('a problem is one line with file, line, field and remedy, whatever the value', () => {
  const [problem] = problemsOf(fileWith({ kind: '"a\\nb\\u001b[31m"' }))
  expect(problem && formatProblem(problem)).toBe(
    'workshops/foo.yaml:2 kind: is not one of workshop, giveaway: "a·b·[31m"  → write workshop or giveaway',
  )
})

test('a file with thousands of problems tells the first fifty and how many more', () => {
  const problems = problemsOf(
    Array.from({ length: 1500 }, (_, index) => `zz${index}: 1`).join('\n'),
  )
  expect(problems).toHaveLength(51)
  expect(problems[50]?.message).toContain('more problems')
})
