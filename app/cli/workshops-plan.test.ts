/**
 * `npm run workshops:plan` as a pull request runs it: on two commits of a repository of its own,
 * with and without a provider, a management key and a database.
 */
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startOpenRouter } from '../../simulators/openrouter/server'
import { readyClaims, spend } from '../../tests/claims'
import { readAll } from '../../tests/engine'
import { fileWith, GIVEAWAY } from '../../tests/workshop-file'
import { makeWorkshop, openWorld } from '../../tests/world'

const nobody = 'http://127.0.0.1:9/api/v1'

function planOf(args: string[], environment: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', 'app/cli/workshops-plan.ts', ...args],
      {
        env: {
          PATH: process.env.PATH,
          NODE_ENV: 'test',
          OPENROUTER_BASE_URL: nobody,
          ...environment,
        },
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

const future = {
  claims_open_at: '2031-04-15T09:00:00+02:00',
  claims_close_at: '2031-04-15T18:00:00+02:00',
  key_expires_at: '2031-04-16T00:00:00Z',
}
const fileOf = (change: Record<string, string | null> = {}) => fileWith({ ...future, ...change })

/** A repository with one commit of these workshops. */
function repository(files: Record<string, string>) {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-plan-'))
  const git = (...args: string[]) =>
    execFileSync(
      'git',
      ['-C', folder, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args],
      { stdio: 'pipe' },
    )
  const workshops = path.join(folder, 'workshops')
  mkdirSync(workshops)
  const write = (name: string, text: string) => writeFileSync(path.join(workshops, name), text)
  const commit = () => {
    git('add', '-A')
    git('commit', '-qm', 'Change workshops')
  }
  for (const [name, text] of Object.entries(files)) write(name, text)
  git('init', '-q')
  commit()
  return {
    workshops,
    write,
    commit,
    rename: (from: string, to: string) =>
      renameSync(path.join(workshops, from), path.join(workshops, to)),
    remove: (name: string) => rmSync(path.join(workshops, name)),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

test('between two commits: what is new, changed, renamed, removed and the same, in money and time', async () => {
  using repo = repository({
    'agents.yaml': fileOf(),
    'evals.yaml': fileOf({ title: 'Evals' }),
    'old-name.yaml': fileOf({ title: 'Typed agents' }),
    'gone.yaml': fileOf({ title: 'Gone', limit_usd: '20', max_keys: '10' }),
  })
  repo.write(
    'agents.yaml',
    fileOf({ limit_usd: '3000', max_keys: '1500', allowed_models: '[openai/gpt-5-nano]' }),
  )
  repo.rename('old-name.yaml', 'new-name.yaml')
  repo.remove('gone.yaml')
  repo.write('fresh.yaml', fileOf({ title: 'Fresh', claims_open_at: '2031-04-15T09:00:00Z' }))
  repo.commit()

  const { code, stdout, stderr } = await planOf(['--base', 'HEAD^1', repo.workshops])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('Compared with the commit HEAD^1.')
  const [agents = ''] = /^Changed: agents[^]*?\n\n/m.exec(stdout) ?? []
  expect(agents).toContain('opens       Tue 15 Apr 2031, 09:00 Europe/Berlin (07:00 UTC)')
  expect(agents).toContain('closes      Tue 15 Apr 2031, 18:00 Europe/Berlin (16:00 UTC)')
  expect(agents).toContain('worst case  $3,000.00, before $300.00')
  expect(agents).toContain('limit_usd: $300.00 → $3,000.00')
  expect(agents).toContain('stop working with anthropic/claude-sonnet-4.6')
  expect(agents).toMatch(/agents\.yaml:\d+ limit_usd: \$3,000\.00 is 10 times what runs now/)
  expect(agents).toContain('It may cost up to $2,700.00.')
  expect(agents).toMatch(/agents\.yaml:\d+ max_keys: 1500 is 10 times what runs now \(150\)/)
  expect(stdout).toContain('Renamed: old-name is now new-name')
  expect(stdout).toContain('everybody can claim a second time')
  expect(stdout).toContain('Removed: gone, “Gone”')
  expect(stdout).not.toContain('Removed: old-name')
  expect(stdout).toContain('New: fresh')
  expect(stdout).toContain('opens       Tue 15 Apr 2031, 11:00 Europe/Berlin (09:00 UTC)')
  expect(stdout).toContain('Unchanged: evals.')
  expect(stdout).toContain('Worst case of all that has not closed: $3,900.00.')
  expect(stdout).toContain('Credits are unknown: OPENROUTER_MANAGEMENT_KEY is not set.')
  expect(stdout).toContain('Models were not checked: 127.0.0.1:9 could not be reached')

  const json = JSON.parse(
    (await planOf(['--json', '--base', 'HEAD^1', repo.workshops])).stdout,
  ) as {
    workshops: { slug: string; status: string; worstCaseUsd: string }[]
    removed: { slug: string }[]
  }
  expect(json).toMatchObject({ ok: true, exitCode: 0, base: { kind: 'git', name: 'HEAD^1' } })
  expect(json.workshops.map(({ slug, status }) => [slug, status])).toEqual([
    ['agents', 'changed'],
    ['evals', 'unchanged'],
    ['fresh', 'added'],
    ['new-name', 'renamed'],
  ])
  expect(json.workshops[0]?.worstCaseUsd).toBe('3000.000000000')
  expect(json.removed.map(({ slug }) => slug)).toEqual(['gone'])

  // What was committed is no change; a folder is a base too.
  expect((await planOf([repo.workshops])).stdout).toContain('Nothing changes.')
  const other = await planOf(['--base', repo.workshops, path.join(repo.workshops, 'evals.yaml')])
  expect(other.stdout).toContain('Unchanged: evals (')
}, 120_000)

test('a model that does not exist is an error with the nearest name; others have prices', async () => {
  const upstream = await startOpenRouter()
  using repo = repository({ 'agents.yaml': fileOf() })
  try {
    const asked = { OPENROUTER_BASE_URL: upstream.baseUrl }
    repo.write('agents.yaml', fileOf({ allowed_models: '[openai/gpt-5-nan, openai/gpt-5.2]' }))
    const { code, stdout } = await planOf([repo.workshops], {
      ...asked,
      OPENROUTER_MANAGEMENT_KEY: upstream.managementKey,
    })
    expect(code).toBe(1)
    expect(stdout).toContain('openai/gpt-5-nan: DOES NOT EXIST  → did you mean openai/gpt-5-nano?')
    expect(stdout).toContain('openai/gpt-5.2: $1.75 in, $14.00 out for a million tokens')
    expect(stdout).toMatch(/Credits left: \$[\d,.]+/)
    expect(stdout).not.toContain(upstream.managementKey)
    const refused = await planOf([repo.workshops], {
      ...asked,
      OPENROUTER_MANAGEMENT_KEY: 'sk-or-v1-of-nobody',
    })
    expect(refused.stdout).toContain('Credits are unknown: the provider did not say')
    expect(refused.stdout).not.toContain('of-nobody')
  } finally {
    await upstream.stop()
  }
}, 120_000)

test('what may not be meant is named with its line, its cost and its remedy', async () => {
  using repo = repository({ 'a.yaml': fileOf() })
  const folder = repo.workshops
  repo.write(
    'a.yaml',
    fileOf({
      claims_open_at: '2031-04-15T02:00:00+02:00',
      limit_usd: '3000',
      key_expires_at: '2031-09-15T00:00:00Z',
    }),
  )
  repo.write(
    'summer.yaml',
    fileOf({
      claims_open_at: '2031-03-30T09:00:00+01:00',
      claims_close_at: '2031-03-30T18:00:00+02:00',
      key_expires_at: '2031-03-31T00:00:00Z',
    }),
  )
  repo.write('gift.yaml', fileWith({ max_keys: '5000' }, GIVEAWAY))
  repo.write('many.yaml', fileOf({ limit_usd: '3000', max_keys: null }))
  const { stdout, code } = await planOf(['--base', 'HEAD', folder])
  expect(code).toBe(0)
  const file = (name: string) => path.join(folder, name)
  expect(stdout).toContain(`${file('a.yaml')}:3 claims_open_at: opens at 02:00 in Europe/Berlin`)
  expect(stdout).toContain(`${file('a.yaml')}:9 key_expires_at: keys work for 152 days`)
  expect(stdout).toContain(`${file('summer.yaml')}:3 claims_open_at: is written with +01:00`)
  expect(stdout).toContain('the clocks of Europe/Berlin change on these days')
  expect(stdout).toContain(`${file('gift.yaml')}:1 claims_close_at: is missing`)
  expect(stdout).toContain('pays for 1,500 people, and no max_keys limits them')
  expect(stdout).toContain('It may cost up to $2,700.00.')
}, 60_000)

test('a bad file is an error with its line; wrong arguments and bases are told apart from it', async () => {
  using repo = repository({ 'a.yaml': fileOf() })
  repo.write('a.yaml', fileOf({ limit_usd: '-5' }))
  const bad = await planOf([path.join(repo.workshops, 'a.yaml')])
  expect(bad.code).toBe(1)
  expect(bad.stdout).toContain(`${path.join(repo.workshops, 'a.yaml')}:6 limit_usd: `)
  const wrong = [
    ['--bas'],
    ['--base', 'no-such-commit', repo.workshops],
    ['--base', '--output=x', '.'],
  ]
  for (const args of wrong) {
    const { code, stdout } = await planOf(args)
    expect([code, stdout], args.join(' ')).toEqual([2, ''])
  }
}, 60_000)

test('with a database it says how many keys a change touches, and goes on when it is away', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ slug: 'agents' })] })
  const [claim] = await readyClaims(world, 2, 'agents')
  await spend(world, claim!.hash, 0.25)
  await readAll(world)
  using repo = repository({ 'agents.yaml': fileOf() })
  repo.remove('agents.yaml')
  const { stdout } = await planOf([repo.workshops], { DATABASE_URL: world.database.url })
  expect(stdout).toContain('Removed: agents')
  expect(stdout).toContain('live        2 keys in use, 2 claims, $0.25 spent')
  const away = await planOf([repo.workshops], {
    DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/nothing',
  })
  expect(away.code).toBe(0)
  expect(away.stdout).toContain('Live numbers are unknown')
}, 60_000)
