/** Every rule of a workshop file, by one change to a good file: where it is noted, and the remedy. */
import { expect, test } from 'vitest'
import { brief, fileWith, GIVEAWAY, problemsOf } from '../../../tests/workshop-file'
import { formatProblem, parseWorkshopFile } from './parse'

/**
 * What is changed in the good workshop, the line and field named, a part of the message and a part
 * of the remedy.
 */
const RULES: [Record<string, string | null>, number, string, string, string][] = [
  [{ title: null }, 1, 'title', 'missing', 'title:'],
  [{ title: '""' }, 1, 'title', 'empty', 'write the text'],
  [{ title: 'x'.repeat(121) }, 1, 'title', 'longer than 120', 'shorten'],
  [{ title: '"a\\nb"' }, 1, 'title', 'single line', 'one line'],
  [{ title: '"a\\0b"' }, 1, 'title', 'control character', 'retype'],
  [{ title: '"a\\u202Eb"' }, 1, 'title', 'control character', 'retype'],
  [{ title: '[a]' }, 1, 'title', 'not a list', 'same line'],
  [{ kind: 'giveawy' }, 2, 'kind', 'not one of', 'did you mean giveaway?'],
  [{ claims_open_at: null }, 1, 'claims_open_at', 'missing', 'claims_open_at:'],
  [{ claims_open_at: '' }, 3, 'claims_open_at', 'missing', 'claims_open_at:'],
  [{ claims_close_at: null }, 1, 'claims_close_at', 'missing', 'claims_close_at:'],
  [
    { claims_open_at: '2026-04-14T08:30:00' },
    3,
    'claims_open_at',
    'no offset',
    'write 2026-04-14T08:30:00+02:00 (Europe/Berlin)',
  ],
  [
    { claims_open_at: '2026-04-14 08:30' },
    3,
    'claims_open_at',
    'no offset',
    'write 2026-04-14T08:30+02:00',
  ],
  [
    { claims_open_at: '2026-04-14T08:30:00', timezone: 'America/New_York' },
    3,
    'claims_open_at',
    'no offset',
    '-04:00 (America/New_York)',
  ],
  [
    { claims_open_at: 'tomorrow' },
    3,
    'claims_open_at',
    'not an ISO 8601',
    '2026-04-14T08:30:00+02:00',
  ],
  [{ claims_open_at: '2026-04-14' }, 3, 'claims_open_at', 'not an ISO 8601', 'offset'],
  [{ claims_open_at: '2026-02-30T08:30:00Z' }, 3, 'claims_open_at', 'no real date', 'check day'],
  [{ claims_open_at: '2026-04-14T24:30:00Z' }, 3, 'claims_open_at', 'no real date', 'check'],
  [{ claims_open_at: '0026-04-14T08:30:00Z' }, 3, 'claims_open_at', 'no real date', '2000 to 2100'],
  [
    { claims_open_at: '2026-04-14T08:30:00+15:00' },
    3,
    'claims_open_at',
    'impossible offset',
    '+02:00',
  ],
  [
    { claims_close_at: '2026-04-14T08:30:00+02:00' },
    4,
    'claims_close_at',
    'not after claims_open_at',
    'swap',
  ],
  [{ allowed_models: null }, 1, 'allowed_models', 'missing', 'allowed_models:'],
  [{ allowed_models: '' }, 5, 'allowed_models', 'empty', 'write a list'],
  [{ allowed_models: '[]' }, 5, 'allowed_models', '1 to 50', 'write a list'],
  [
    { allowed_models: 'openai/gpt-5-nano' },
    5,
    'allowed_models',
    'not a list',
    '[openai/gpt-5-nano]',
  ],
  [
    { allowed_models: '[anthropic]' },
    5,
    'allowed_models[0]',
    'no author and slash',
    'anthropic/claude-sonnet-4.6',
  ],
  [
    { allowed_models: '[gpt-5-nano]' },
    5,
    'allowed_models[0]',
    'no author and slash',
    'openai/gpt-5-nano',
  ],
  [
    { allowed_models: '[OpenAI/gpt-5-nano]' },
    5,
    'allowed_models[0]',
    'capital letters',
    'did you mean openai/gpt-5-nano?',
  ],
  [{ allowed_models: '[openai/gpt 5]' }, 5, 'allowed_models[0]', 'not a model id', 'copy the id'],
  [
    { allowed_models: '[openai/gpt-5.2, openai/gpt-5.2]' },
    5,
    'allowed_models[1]',
    'twice',
    'remove one',
  ],
  [
    { allowed_models: '\n  - openai/gpt-5.2\n  -\n  - nonsense' },
    7,
    'allowed_models[1]',
    'empty',
    'write a list',
  ],
  [{ limit_usd: null }, 1, 'limit_usd', 'missing', 'limit_usd: 300'],
  [{ limit_usd: '$300' }, 6, 'limit_usd', 'not an amount', 'such as 300'],
  [{ limit_usd: '"2,50"' }, 6, 'limit_usd', 'not an amount', 'such as 2.50'],
  [{ limit_usd: '"1 000,5"' }, 6, 'limit_usd', 'not an amount', 'such as 1000.5'],
  [{ limit_usd: '"1,000"' }, 6, 'limit_usd', 'not an amount', 'such as 1000'],
  [{ limit_usd: '3e2' }, 6, 'limit_usd', 'not an amount', 'plain number'],
  [{ limit_usd: '-5' }, 6, 'limit_usd', 'not an amount', 'above zero'],
  [{ limit_usd: '.inf' }, 6, 'limit_usd', 'not an amount', 'plain number'],
  [{ limit_usd: '0' }, 6, 'limit_usd', 'more than zero', 'above zero'],
  [{ key_limit_usd: '0.0000000001' }, 7, 'key_limit_usd', '9 decimals', 'round'],
  [{ key_limit_usd: null }, 1, 'key_limit_usd', 'missing', 'key_limit_usd: 2'],
  [{ key_limit_usd: '301' }, 7, 'key_limit_usd', 'more than limit_usd', 'lower key_limit_usd'],
  [
    { key_limit_reset: 'hourly' },
    8,
    'key_limit_reset',
    'not one of daily, weekly, monthly',
    'write daily',
  ],
  [{ key_limit_reset: 'Daily' }, 8, 'key_limit_reset', 'not one of', 'did you mean daily?'],
  [
    { key_limit_reset: 'daily', key_limit_usd: '200', key_expires_at: '2026-04-16T00:00:00Z' },
    6,
    'limit_usd',
    'less than one key may spend',
    'raise limit_usd',
  ],
  [{ key_expires_at: null }, 1, 'key_expires_at', 'missing', 'key_expires_in: 7d'],
  [{ key_expires_in: '7d' }, 15, 'key_expires_in', 'beside key_expires_at', 'exactly one'],
  [
    { key_expires_at: null, key_expires_in: '7 days' },
    14,
    'key_expires_in',
    'not a length of time',
    '36h, 90d or 2w',
  ],
  [
    { key_expires_at: null, key_expires_in: '400d' },
    14,
    'key_expires_in',
    'longer than 366',
    '366d',
  ],
  [
    { key_expires_at: '2026-04-14T00:00:00Z' },
    9,
    'key_expires_at',
    'not after claims_open_at',
    'after claims have closed',
  ],
  [
    { key_expires_at: '2026-04-14T16:00:00Z' },
    9,
    'key_expires_at',
    'not after claims_close_at',
    'after claims have closed',
  ],
  [{ providers: null }, 1, 'providers', 'missing', '[github, google]'],
  [{ providers: '[github, gogle]' }, 10, 'providers[1]', 'not one of', 'did you mean google?'],
  [{ providers: '[github, github]' }, 10, 'providers[1]', 'twice', 'remove one'],
  [{ marketing_opt_in: 'true' }, 11, 'marketing_opt_in', 'not a switch', 'sentence'],
  [{ max_keys: '1.5' }, 12, 'max_keys', 'whole number', '150'],
  [{ max_keys: '0' }, 12, 'max_keys', 'whole number', '150'],
  [{ max_keys: '100001' }, 12, 'max_keys', 'whole number', '150'],
  [{ premint: '0' }, 15, 'premint', 'whole number', '150'],
  [{ premint: '1001' }, 15, 'premint', 'from 1 to 1000', '150'],
  [{ premint: '151' }, 15, 'premint', 'max_keys allows 150', 'lower premint'],
  [
    { premint: '40', key_expires_at: null, key_expires_in: '36h' },
    14,
    'premint',
    'needs key_expires_at',
    'in place of key_expires_in',
  ],
  [{ preminted: '40' }, 15, 'preminted', 'not a field', 'did you mean premint?'],
  [
    { timezone: 'Europe/Berln' },
    13,
    'timezone',
    'not a known timezone',
    'did you mean Europe/Berlin?',
  ],
  [{ timezone: '+02:00' }, 13, 'timezone', 'not a known timezone', 'IANA'],
  [{ organizer: 'PyCon <nobody>' }, 14, 'organizer', 'no email or https', 'Name <'],
  [{ organizer: '\n  email: a@example.org' }, 15, 'organizer.name', 'missing', 'add the name'],
  [
    { organizer: '\n  name: A\n  mail: a@example.org' },
    16,
    'organizer.mail',
    'not a field',
    'did you mean email?',
  ],
  [
    { organizer: '\n  name: A\n  email: nope' },
    16,
    'organizer.email',
    'not an email',
    'example.org',
  ],
  [{ docs_url: 'http://example.org' }, 15, 'docs_url', 'not an https', 'https://'],
  [{ docs_url: 'javascript:alert(1)' }, 15, 'docs_url', 'not an https', 'https://'],
  [{ docs_url: 'https://user:secret@example.org' }, 15, 'docs_url', 'not an https', 'https://'],
  [{ acknowledged_terms: 'yes' }, 15, 'acknowledged_terms', 'not true or false', 'write true'],
  [{ ask_for_more: 'maybe' }, 15, 'ask_for_more', 'not true or false', 'write true'],
  [{ ask_more: 'true' }, 15, 'ask_more', 'not a field', 'did you mean ask_for_more?'],
  [{ announce_problems: '"true"' }, 15, 'announce_problems', 'not true or false', 'quotes'],
  [{ waitlist: 'maybe' }, 15, 'waitlist', 'not true or false', 'write true'],
  [{ waiting_list: 'true' }, 15, 'waiting_list', 'not a field', 'did you mean waitlist?'],
  [
    { release_unused_after: '45m' },
    15,
    'release_unused_after',
    'needs a waitlist',
    'waitlist: true',
  ],
  [
    { waitlist: 'true', release_unused_after: '29m' },
    16,
    'release_unused_after',
    'shorter than 30 minutes',
    'write at least 30m',
  ],
  [
    { waitlist: 'true', release_unused_after: '73h' },
    16,
    'release_unused_after',
    'longer than 72 hours',
    'write at most 72h',
  ],
  [
    { waitlist: 'true', release_unused_after: '1d' },
    16,
    'release_unused_after',
    'not a length of time',
    '45m or 2h',
  ],
  [
    { pause_on_runaway: '1m' },
    15,
    'pause_on_runaway',
    'neither true nor a time from 2 to 60 minutes',
    'such as 5m',
  ],
  [
    { pause_on_runaway: 'yes' },
    15,
    'pause_on_runaway',
    'neither true nor a time from 2 to 60 minutes',
    'such as 5m',
  ],
  [{ runaway: 'true' }, 15, 'runaway', 'not a field', 'did you mean pause_on_runaway?'],
  [{ wall_shows_spending: '1' }, 15, 'wall_shows_spending', 'not true or false', 'write true'],
  [{ cooldown: '2w' }, 15, 'cooldown', 'only for giveaways', 'remove'],
  [{ venu: 'Room 1' }, 15, 'venu', 'not a field', 'did you mean venue?'],
  [{ keyLimitReset: 'daily' }, 15, 'keyLimitReset', 'not a field', 'did you mean key_limit_reset?'],
  [{ slug: 'foo' }, 15, 'slug', 'not a field', 'name of the file'],
  [{ xylophone: '1' }, 15, 'xylophone', 'not a field', 'docs/workshop-files.md'],
  [{ ['__proto__']: '{a: b}' }, 15, '__proto__', 'not a field', 'remove it'],
  [{ title: '&a Title' }, 1, 'title', 'anchor', 'double quotes'],
  [{ title: '!!str Title' }, 1, 'title', 'tag', 'remove the tag'],
  [{ venue: '*a' }, 15, 'venue', 'alias', 'double quotes'],
  [{ '<<': '{a: b}' }, 15, '"<<"', 'merge keys', 'write the fields out'],
]

for (const [change, line, field, message, remedy] of RULES) {
  test(`a workshop with ${JSON.stringify(change)} is refused at line ${line}, ${field}`, () => {
    const [problem] = problemsOf(fileWith(change))
    expect(problem).toMatchObject({
      file: 'workshops/foo.yaml',
      line,
      field,
      message: expect.stringContaining(message) as string,
      remedy: expect.stringContaining(remedy) as string,
    })
  })
}

const GIVEAWAY_RULES: [Record<string, string | null>, string, string][] = [
  [{ max_keys: null }, '1 max_keys', 'missing'],
  [{ providers: '[github, google]' }, '7 providers', 'exactly github'],
  [{ providers: '[google]' }, '7 providers', 'exactly github'],
  [{ acknowledged_terms: 'false' }, '9 acknowledged_terms', 'must be true'],
  [{ acknowledged_terms: null }, '1 acknowledged_terms', 'must be true'],
  [{ limit_usd: '1' }, '11 limit_usd', 'less than one key may spend'],
]

for (const [change, place, message] of GIVEAWAY_RULES) {
  test(`a giveaway with ${JSON.stringify(change)} is refused at ${place}`, () => {
    const text = fileWith(change, GIVEAWAY)
    expect(brief(text)).toEqual([place])
    expect(problemsOf(text)[0]?.message).toContain(message)
  })
}

const SYNTAX: [string, string, number, string][] = [
  ['a tab as indent', 'organizer:\n\tname: x', 2, 'organizer'],
  ['an open quote', 'title: ok\nvenue: "open', 2, 'venue'],
  ['a colon in a plain value', 'kind: workshop\ntitle: Agents: a primer', 2, 'title'],
  ['a second document', 'title: a\n---\ntitle: b', 2, 'title'],
  ['a directive', '%YAML 1.1\n---\ntitle: a', 1, 'file'],
  ['an empty file', '', 1, 'file'],
  ['a comment alone', '# later', 1, 'file'],
  ['a list', '# first\n- a', 2, 'file'],
  ['a word', 'hello', 1, 'file'],
  ['a bomb', 'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]', 1, 'a'],
  ['a file too large', `title: ${'x'.repeat(17_000)}`, 1, 'file'],
]

for (const [what, text, line, field] of SYNTAX) {
  test(`${what} is refused at line ${line} with a remedy`, () => {
    const [problem] = problemsOf(text)
    expect(problem).toMatchObject({ line, field })
    expect(problem?.remedy.length).toBeGreaterThan(10)
  })
}

const WARNINGS: [Record<string, string | null>, string, string][] = [
  [{ timezone: null }, '1 timezone', 'UTC'],
  [{ claims_open_at: '2026-04-14T08:30:00+01:00' }, '3 claims_open_at', '+02:00'],
  [{ organizer: 'PyCon DE' }, '14 organizer', 'reached'],
  [{ organizer: null }, '1 organizer', 'reached'],
  [{ max_keys: '151' }, '12 max_keys', 'pays for 150'],
  [{ max_keys: null, premint: '151' }, '14 premint', 'pays for 150'],
]

for (const [change, place, message] of WARNINGS) {
  test(`a workshop with ${JSON.stringify(change)} is good, with a warning at ${place}`, () => {
    const parsed = parseWorkshopFile(fileWith(change), 'foo.yaml')
    if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'))
    expect(parsed.warnings.map((warning) => `${warning.line} ${warning.field}`)).toEqual([place])
    expect(parsed.warnings[0]?.message).toContain(message)
  })
}
