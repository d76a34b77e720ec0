/** Who may come in, as a workshop's file says it: every likely mistake has its sentence. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createRosterKeys } from '~/adapters/roster-hash.server'
import { fileWith, GIVEAWAY, problemsOf, workshopOf } from '../../../tests/workshop-file'
import { rosterReader } from '../people/roster-reader'
import { loadWorkshops } from './catalog.server'
import { formatProblem, parseWorkshopFile } from './parse'

const keys = createRosterKeys({ own: [randomBytes(32)], others: [] })
const hash = keys.of('foo', 'ada@example.org')

test('domains are kept as addresses have them, and stars stand for subdomains', () => {
  const { allowedDomains } = workshopOf(
    fileWith({ allowed_domains: '[Example.ORG, "*.example.org", bücher.example, googlemail.com]' }),
  )
  expect(allowedDomains).toEqual([
    'example.org',
    '*.example.org',
    'xn--bcher-kva.example',
    'gmail.com',
  ])
})

const wrongDomains: [string, string, string][] = [
  ['[ada@example.org]', 'is an address', 'roster'],
  ['["@example.org"]', 'begins with an @', 'write example.org'],
  ['[.example.org]', 'begins with a dot', '"*.example.org"'],
  ['[https://example.org]', 'web address', 'domain alone'],
  ['[example]', 'is not a domain', 'example.org'],
  ['["*"]', 'is not a domain', 'star'],
  ['["ex*.org"]', 'is not a domain', 'star'],
  ['["*.org"]', 'is not a domain', 'star'],
  ['example.org', 'is not a list', '[example.org]'],
  ['[]', 'must have 1 to 50', '[example.org'],
]
for (const [value, message, remedy] of wrongDomains)
  test(`allowed_domains: ${value} is refused`, () => {
    const [problem] = problemsOf(fileWith({ allowed_domains: value }))
    expect(problem?.message).toContain(message)
    expect(problem?.remedy).toContain(remedy)
  })

test('a domain where anybody has an address is a warning', () => {
  const parsed = parseWorkshopFile(fileWith({ allowed_domains: '[gmail.com]' }), 'w/foo.yaml')
  expect(parsed.ok && parsed.warnings.map(({ field }) => field)).toEqual(['allowed_domains'])
})

test('a roster takes logins, with capitals and of managed accounts, and hashes', () => {
  const { roster } = workshopOf(fileWith({ roster: `[OctoCat, mona_acme, a-b, ${hash}]` }))
  expect([...(roster?.logins ?? [])]).toEqual(['octocat', 'mona_acme', 'a-b'])
  expect([...(roster?.hashes ?? [])]).toEqual([hash])
})

const wrongRosters: [string, string, string][] = [
  ['[ada@example.org]', 'is a plain address', 'npm run roster:hash'],
  ['["@octocat"]', 'begins with an @', 'without it'],
  ['[Ada Lovelace]', 'neither a GitHub login nor a hash', '[octocat'],
  ['[-octocat]', 'neither a GitHub login nor a hash', '[octocat'],
  ['[r1.0000.xyz]', 'is not a whole hash', 'roster:hash'],
  ['[octocat, OCTOCAT]', 'twice', 'remove'],
  ['octocat', 'is not a list', '[octocat]'],
  ['{file: list.txt}', 'is not a full path', '/etc/keymint'],
  ['{file: /etc/../list.txt}', 'is not a full path', '/etc/keymint'],
  ['{path: /etc/list.txt}', 'is not a field', 'docs/workshop-files.md'],
]
for (const [value, message, remedy] of wrongRosters)
  test(`roster: ${value} is refused`, () => {
    const problems = problemsOf(fileWith({ roster: value }))
    expect(problems.map((problem) => problem.message).join()).toContain(message)
    expect(problems.map((problem) => problem.remedy).join()).toContain(remedy)
    expect(problems.map(formatProblem).join()).not.toContain('ada@')
  })

test('a code is for workshops alone, an account age needs GitHub alone, listed is a switch', () => {
  const fields = (text: string) => problemsOf(text).map(({ field }) => field)
  expect(fields(fileWith({ room_code: 'rotating' }, GIVEAWAY))).toEqual(['room_code'])
  expect(fields(fileWith({ room_code: '123456' }))).toEqual(['room_code'])
  expect(fields(fileWith({ room_code: 'true' }))).toEqual(['room_code'])
  expect(fields(fileWith({ min_account_age: '30d' }))).toEqual(['min_account_age'])
  expect(fields(fileWith({ listed: 'no' }))).toEqual(['listed'])
  expect(fields(fileWith({ allowed_domain: '[example.org]' }))).toEqual(['allowed_domain'])
  expect(
    workshopOf(fileWith({ min_account_age: '30d', providers: '[github]', listed: 'false' })),
  ).toMatchObject({ minAccountAgeMs: 30 * 86_400_000, listed: false })
})

async function folder(roster: string, list?: string | Uint8Array) {
  const root = await mkdtemp(join(tmpdir(), 'keymint-roster-'))
  const at = { dir: join(root, 'workshops'), list: join(root, 'lists', 'foo.txt') }
  await mkdir(at.dir)
  await mkdir(join(root, 'lists'))
  await writeFile(join(at.dir, 'foo.yaml'), fileWith({ roster: roster.replace('LIST', at.list) }))
  if (list !== undefined) await writeFile(at.list, list)
  return {
    ...at,
    root,
    load: () => loadWorkshops(at.dir, rosterReader(keys)),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

test('a list outside the repository may hold addresses, and only their hashes are kept', async () => {
  await using place = await folder(
    '{file: LIST}',
    `# Registered\nAda@Example.org\r\n\nOctoCat\n${keys.of('foo', 'bob@example.org')}\n`,
  )
  const { workshops, problems } = await place.load()
  expect(problems).toEqual([])
  const roster = workshops.get('foo')?.roster
  expect([...(roster?.logins ?? [])]).toEqual(['octocat'])
  expect(roster?.hashes).toEqual(new Set([hash, keys.of('foo', 'bob@example.org')]))
  expect(JSON.stringify([...(roster?.hashes ?? [])])).not.toContain('@')
})

const wrongLists: [string, string | Uint8Array | undefined, string][] = [
  ['is missing', undefined, 'cannot be read (ENOENT)'],
  ['is empty', '\n# nobody\n', 'is empty'],
  ['has a heading', 'email,name\n', 'line 1 is neither'],
  ['has names', 'a@example.org\nAda Lovelace <ada@example.org>\n', 'line 2 is neither'],
  ['has half an address', 'ada@\n', 'line 1 is not an address'],
  ['is not UTF-8', Uint8Array.of(0xff, 0xfe, 0x41), 'cannot be read'],
  ['is a large file', 'octocat\n'.repeat(200_000), 'larger than 1 MiB'],
  ['has hashes of another key', 'r1.00000000.AAAAAAAAAAAAAAAAAAAAAA\n', 'does not have (00000000)'],
]
for (const [what, list, message] of wrongLists)
  test(`a list that ${what} closes the workshop with a clear problem`, async () => {
    await using place = await folder('{file: LIST}', list)
    const { workshops, broken, problems } = await place.load()
    expect([...workshops.keys()]).toEqual([])
    expect([...broken]).toEqual(['foo'])
    expect(problems.map(formatProblem).join()).toContain(message)
    expect(problems.map(formatProblem).join()).not.toMatch(/ada@|lovelace/i)
  })

test('a list inside a repository is refused, also behind a link', async () => {
  await using place = await folder('{file: LIST}', 'octocat\n')
  await mkdir(join(place.root, '.git'))
  expect((await place.load()).problems.map(({ message }) => message).join()).toContain(
    'lies in a repository',
  )
  await rm(join(place.root, '.git'), { recursive: true })
  await rm(place.list)
  await writeFile(join(place.dir, 'roster.txt'), 'octocat\n')
  await symlink(join(place.dir, 'roster.txt'), place.list)
  expect((await place.load()).problems.map(({ message }) => message).join()).toContain(
    'lies in a repository',
  )
})

test('hashes in the file of a key that the deployment does not have close the workshop', async () => {
  await using place = await folder('[r1.00000000.AAAAAAAAAAAAAAAAAAAAAA]')
  const { broken, problems } = await place.load()
  expect([...broken]).toEqual(['foo'])
  expect(problems[0]?.message).toContain('does not have (00000000)')
})

test('the check of files alone warns that a list is read elsewhere', async () => {
  await using place = await folder('{file: LIST}')
  const { workshops, warnings } = await loadWorkshops(place.dir)
  expect([...workshops.keys()]).toEqual(['foo'])
  expect(warnings.map(({ field }) => field)).toContain('roster.file')
})
