import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadWorkshopFiles, loadWorkshops } from './catalog.server'

const GOOD = `title: Good
claims_open_at: 2026-04-14T08:30:00+02:00
claims_close_at: 2026-04-14T18:00:00+02:00
allowed_models: [openai/gpt-5-nano]
limit_usd: 300
key_limit_usd: 2
key_expires_in: 7d
providers: [github]
timezone: Europe/Berlin
organizer: A <a@example.org>
`

async function folderWith(files: Record<string, string | Uint8Array>) {
  const dir = await mkdtemp(join(tmpdir(), 'keymint-workshops-'))
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content)
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
}

test('one bad file never takes the others down, and its slug is known to be broken', async () => {
  await using folder = await folderWith({
    'good.yaml': GOOD,
    'bad.yaml': GOOD.replace('limit_usd: 300', 'limit_usd: lots'),
    'README.md': 'no',
    '.hidden.yaml': 'no',
  })
  const catalog = await loadWorkshops(folder.dir)
  expect([...catalog.workshops.keys()]).toEqual(['good'])
  expect([...catalog.broken]).toEqual(['bad'])
  expect(catalog.problems).toMatchObject([
    { file: join(folder.dir, 'bad.yaml'), line: 5, field: 'limit_usd' },
  ])
})

test('a .yml file is told to be renamed, and does not break the .yaml beside it', async () => {
  await using folder = await folderWith({ 'good.yaml': GOOD, 'good.yml': GOOD, 'other.yml': GOOD })
  const catalog = await loadWorkshops(folder.dir)
  expect(catalog.problems.map((problem) => problem.remedy)).toEqual([
    'rename it to good.yaml',
    'rename it to other.yaml',
  ])
  expect([...catalog.workshops.keys()]).toEqual(['good'])
  expect([...catalog.broken]).toEqual(['other'])
})

test('a file that is not UTF-8 is refused at the line of its first bad byte', async () => {
  const bytes = new TextEncoder().encode(GOOD)
  bytes[GOOD.indexOf('allowed')] = 0xff
  await using folder = await folderWith({ 'latin.yaml': bytes })
  expect((await loadWorkshops(folder.dir)).problems).toMatchObject([
    { line: 4, field: 'file', message: 'is not UTF-8 text' },
  ])
})

test('a file that is too large or is a folder is refused without being read whole', async () => {
  await using folder = await folderWith({ 'big.yaml': `title: ${'ü'.repeat(1_000_000)}` })
  await mkdir(join(folder.dir, 'folder.yaml'))
  const { problems } = await loadWorkshops(folder.dir)
  expect(problems.map((problem) => problem.message)).toEqual([
    'is larger than 16 KiB',
    'cannot be read (EISDIR)',
  ])
})

test('a folder that is not there is a problem, not an exception', async () => {
  const catalog = await loadWorkshops('/no/such/folder')
  expect(catalog.workshops.size).toBe(0)
  expect(catalog.problems).toMatchObject([
    { file: '/no/such/folder', line: 1, field: 'folder', message: 'cannot be read (ENOENT)' },
  ])
})

test('two files of one name from two folders cannot both be the workshop', async () => {
  await using one = await folderWith({ 'good.yaml': GOOD })
  await using two = await folderWith({ 'good.yaml': GOOD })
  expect(
    (await loadWorkshopFiles([join(one.dir, 'good.yaml'), join(two.dir, 'good.yaml')])).problems,
  ).toMatchObject([{ field: 'slug' }])
})
