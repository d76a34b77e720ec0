/** What the script refuses, and what it tells then: nothing on the computer changes. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { refuseSetup } from '~/domain/claim/setup.server'
import type { SetupTool } from '~/domain/claim/setup-tools'
import { approve, openSetup, treeOf } from '../../../../tests/setup-laptop'
import { runScript } from '../../../../tests/terminal'

test('a file that cannot be followed is refused before a code is asked for', async () => {
  const open = await openSetup()
  await using _world = open.world
  const odd: [SetupTool, string, string | Buffer][] = [
    ['claude-code', '.claude/settings.json', '{ // a comment\n}'],
    ['claude-code', '.claude/settings.json', '[1]'],
    ['claude-code', '.claude/settings.json', Buffer.from([0x22, 0xff, 0x22])],
    ['codex', '.codex/config.toml', 'model_providers = { openrouter = {} }'],
    ['codex', '.codex/config.toml', '[model_providers]\nopenrouter = { name = "x" }'],
    ['codex', '.codex/config.toml', 'text = """\nnever ended'],
    ['codex', '.codex/config.toml', '[projects."/home/me/[a]"\nmodel = "x"'],
    ['aider', '.aider.conf.yml', 'api-key: [gemini=abc]'],
    ['aider', '.aider.conf.yml', 'model: &mine gpt-5\neditor-model: *mine'],
    ['aider', '.aider.conf.yml', '- a list'],
    ['aider', '.aider.conf.yml', '--- {model: gpt-5}'],
    ['continue', '.continue/config.yaml', '{"models": []}'],
  ]
  for (const [tool, name, content] of odd) {
    const file = path.join(open.home, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, content)
    const terminal = runScript(open.script, [tool], open.home)
    expect([await terminal.ended, String(content)]).toEqual([1, String(content)])
    expect(terminal.output()).toContain('cannot be changed safely')
    expect(terminal.output()).toContain('Nothing on this computer has changed')
    expect(await readFile(file)).toEqual(Buffer.from(content))
  }
  expect(await open.world.db.setupCode.count()).toBe(0)
  expect(existsSync(path.join(open.home, '.keymint'))).toBe(false)
}, 60_000)

test('where a file can find no place, this is said before a code is asked for', async () => {
  const open = await openSetup()
  await using _world = open.world
  const { home } = open
  const settings = path.join(home, '.claude/settings.json')
  const refused = async (part: string, env: Record<string, string> = {}) => {
    const before = await treeOf(home)
    const terminal = runScript(open.script, ['claude-code'], home, env)
    expect([await terminal.ended, terminal.output()]).toEqual([1, expect.stringContaining(part)])
    expect(terminal.output()).toContain('Nothing on this computer has changed')
    expect(await treeOf(home)).toEqual(before)
  }
  await writeFile(path.join(home, '.keymint'), 'a file where a folder has to be')
  await refused('ENOTDIR')
  await rm(path.join(home, '.keymint'))
  await mkdir(path.dirname(settings))
  await symlink(path.join(home, 'gone.json'), settings)
  await refused('is a link to a file that does not exist')
  await rm(path.dirname(settings), { recursive: true })
  await symlink(path.join(home, 'gone'), path.dirname(settings))
  await refused('cannot be written')
  await rm(path.dirname(settings))
  for (const nowhere of ['', 'relative'])
    await refused('set HOME to it', { HOME: nowhere, USERPROFILE: nowhere })
  await refused('needs Node 18', {
    NODE_OPTIONS: '--import "data:text/javascript,delete globalThis.fetch"',
  })
  expect(await open.world.db.setupCode.count()).toBe(0)
}, 60_000)

test('a site that cannot be reached is named with the cause, and a proxy with its remedy', async () => {
  const open = await openSetup()
  await using _world = open.world
  const elsewhere = open.script.replaceAll(open.origin, 'http://127.0.0.1:9')
  const outputWith = async (env: Record<string, string>) => {
    const terminal = runScript(elsewhere, ['codex'], open.home, env)
    expect(await terminal.ended).toBe(1)
    expect(terminal.output()).toMatch(/cannot be reached \(\S.*\)\. .*Nothing on this computer/)
    return terminal.output()
  }
  expect(await outputWith({})).toContain('Check your connection')
  expect(await outputWith({ HTTPS_PROXY: 'http://127.0.0.1:9' })).toContain('NODE_USE_ENV_PROXY=1')
}, 60_000)

test('refused, expired, used, unknown and paused each have their own sentence in the terminal', async () => {
  const open = await openSetup()
  await using _world = open.world
  const { world, script, home, owner } = open
  const sentence = async (happen: (code: string) => Promise<unknown>) => {
    const terminal = runScript(script, ['codex'], home)
    await happen(await terminal.code())
    expect(await terminal.ended).toBe(1)
    expect(terminal.output()).toContain('Nothing on this computer has changed')
    return terminal.output()
  }
  const sentences = [
    await sentence((code) => refuseSetup(world.ctx, { code, userId: owner.userId })),
    await sentence(() => world.db.$executeRaw`delete from keymint.setup_codes`),
    await sentence(async (code) => {
      await approve(world, owner, code)
      await world.db.$executeRaw`
        update keymint.setup_codes set state = 'handed-over', handed_at = now() where state = 'approved'`
    }),
    await sentence(() => world.travel(10 * 60_000)),
  ]
  for (const [index, part] of ['was refused', 'does not know', 'used already', 'expired'].entries())
    expect(sentences[index]).toContain(part)
  world.ctx.settings.provisioningEnabled = false
  const paused = runScript(script, ['codex'], home)
  expect(await paused.ended).toBe(1)
  expect(paused.output()).toContain('No keys are given out at the moment')
  expect(await treeOf(home)).toEqual([])
}, 90_000)

test('without a tool, with one that does not exist or with an odd option it says how to use it', async () => {
  const open = await openSetup()
  await using _world = open.world
  for (const given of [[], ['constructor'], ['codex', '--all'], ['codex', '--undo', '--print']]) {
    const terminal = runScript(open.script, given, open.home)
    expect(await terminal.ended).toBe(2)
    expect(terminal.output()).toContain('claude-code, codex, opencode')
  }
})
