/**
 * What docs/deploy.md and docs/runbook.md tell a person to type at night: it exists, and the SQL
 * runs on the database that migrate makes.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { inject, expect, test } from 'vitest'
import { cloneDatabase } from '../simulators/postgres/template'

const pages = ['docs/deploy.md', 'docs/runbook.md', 'docs/rotation.md', 'README.md']
const textOf = (page: string) => readFileSync(page, 'utf8')
const fenced = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^ *\`\`\`${language}(?: [\\w-]+)?\\n(.*?)^ *\`\`\``, 'gms'))].map(
    ([, block = '']) => block,
  )
/** Lines of shell blocks, and commands that stand in a sentence. */
const commandsOf = (text: string) => [
  ...fenced(text, 'sh').flatMap((block) => block.split('\n')),
  ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
]

const scripts = Object.keys(
  (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts,
)
const entries = [
  ...(/input: \{(.*?)\}/s.exec(readFileSync('vite.node.config.ts', 'utf8'))?.[1] ?? '').matchAll(
    /'?([\w-]+)'?: '([^']+)'/g,
  ),
].map(([, name = '', file = '']) => ({ name, file }))
const flyProcesses = [
  ...(/\[processes\]\n(.*?)\n\n/s.exec(readFileSync('fly.toml', 'utf8'))?.[1] ?? '').matchAll(
    /^ {2}(\w+) = /gm,
  ),
].map(([, name]) => name)

test.each(pages)(
  'every npm script and every program of the image that %s names is there',
  (page) => {
    const commands = commandsOf(textOf(page)).join('\n')
    const named = [
      ...commands.matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g),
    ].map(([, script, short]) => script ?? short)
    expect(named.length).toBeGreaterThan(0)
    for (const script of named) expect(scripts, page).toContain(script)
    const programs = [...commands.matchAll(/node build\/node\/([\w-]+)\.js/g)].map(
      ([, name]) => name,
    )
    for (const name of programs)
      expect(
        entries.map((entry) => entry.name),
        page,
      ).toContain(name)
    for (const { file } of entries) expect(existsSync(file), file).toBe(true)
    for (const [, name] of commands.matchAll(/fly scale count (?:\w+=\d+ )*?(\w+)=\d+/g))
      expect(flyProcesses, page).toContain(name)
  },
)

test('every variable that is set in them is one that Keymint reads', () => {
  const known = [
    ...readFileSync('.env.example', 'utf8').matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm),
  ].map(([, name]) => name)
  const set = pages.flatMap((page) =>
    commandsOf(textOf(page))
      .filter((line) => line.startsWith('fly secrets set'))
      .flatMap((line) => [...line.matchAll(/\b([A-Z][A-Z0-9_]+)=/g)].map(([, name]) => name)),
  )
  expect(new Set(set).size).toBeGreaterThan(10)
  for (const name of set) expect(known).toContain(name)
})

test('every secret is on the page of rotation, and its commands are ones that sh understands', () => {
  const page = textOf('docs/rotation.md')
  const secrets = [...textOf('.env.example').matchAll(/^(?:# )?([A-Z_]+)=/gm)]
    .map(([, name = '']) => name)
    .filter((name) => /SECRET|_KEY$|TOKEN$|PASSWORD|SMTP_URL|SLACK_URL|RECIPIENTS/.test(name))
  expect(secrets.length).toBeGreaterThan(9)
  expect(secrets.filter((name) => !page.includes(name))).toEqual([])
  for (const block of pages.flatMap((name) => fenced(textOf(name), 'sh')))
    if (!/<[a-z]|…/.test(block)) execFileSync('sh', ['-n', '-c', block])
})

test('what openssl and the shell are asked for makes what the environment wants', () => {
  const wanted = [
    ...new Set(
      pages
        .concat('.env.example')
        .flatMap((page) =>
          [...textOf(page).matchAll(/openssl rand -\w+ \d+/g)].map(([command]) => command),
        ),
    ),
  ]
  expect(wanted.sort()).toEqual(['openssl rand -base64 32', 'openssl rand -hex 32'])
  // A machine with Node, npm and git alone has no openssl: what it would print is then made here.
  const hasOpenssl = spawnSync('openssl', ['version']).status === 0
  const bytes = wanted.map(
    (command) =>
      [
        command,
        hasOpenssl
          ? execFileSync('sh', ['-c', command], { encoding: 'utf8' }).trim()
          : randomBytes(32).toString(command.includes('hex') ? 'hex' : 'base64'),
      ] as const,
  )
  for (const [command, text] of bytes)
    expect(Buffer.from(text, command.includes('hex') ? 'hex' : 'base64')).toHaveLength(32)
  // The runbook's way to a key's id is the one that sealing writes into the envelope.
  const key = bytes.find(([command]) => command.includes('base64'))![1]
  const line = /`(printf %s "\$ONE_KEY"[^`]+)`/.exec(textOf('docs/runbook.md'))![1]!
  const id = execFileSync('sh', ['-c', line], {
    encoding: 'utf8',
    env: { ...process.env, ONE_KEY: key },
  }).trim()
  expect(id).toBe(createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex').slice(0, 8))
})

test('every SQL statement of the runbook runs on a migrated database', async () => {
  const database = await cloneDatabase(inject('postgresAdminUrl'), inject('postgresTemplate'))
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    const statements = pages
      .flatMap((page) => fenced(textOf(page), 'sql'))
      .flatMap((block) => block.split(/;\s*$/m))
      .map((statement) => statement.trim())
      .filter(Boolean)
    expect(statements.length).toBeGreaterThan(8)
    await client.query('begin')
    for (const statement of statements) await client.query(statement)
    const { rows } = await client.query<{ paused: boolean }>(
      'select paused_at is not null as paused from keymint.minting',
    )
    expect(rows, 'the last of the two statements switches minting on again').toEqual([
      { paused: false },
    ])
    await client.query('rollback')
  } finally {
    await client.end()
    await database.drop()
  }
})

/** As GitHub makes anchors of headings. */
const anchorsOf = (page: string) =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .trim()
      .replace(/\s/g, '-'),
  )

test('every link between the pages leads somewhere, and so does every heading that a message names', () => {
  for (const page of [
    ...pages,
    ...readdirSync('docs')
      .filter((file) => file.endsWith('.md'))
      .map((file) => `docs/${file}`),
  ]) {
    for (const [, target = ''] of textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? page : path.join(path.dirname(page), file)
      expect(existsSync(linked), `${page}: ${target}`).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(linked), `${page}: ${target}`).toContain(anchor)
    }
  }
  const remedies = readdirSync('app/messages')
    .map((file) => readFileSync(`app/messages/${file}`, 'utf8'))
    .join('\n')
  const headings = [...remedies.matchAll(/docs\/runbook\.md, “([^”]+)”/g)].map(
    ([, heading]) => heading,
  )
  expect(new Set(headings).size).toBeGreaterThan(4)
  for (const heading of headings) expect(textOf('docs/runbook.md')).toContain(`\n## ${heading}\n`)
})
