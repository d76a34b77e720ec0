/**
 * The script that people run, as they run it: by standard input, in a home folder of its own, against
 * the real routes. What was there before comes back byte for byte.
 */
import { existsSync } from 'node:fs'
import { chmod, lstat, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { setupTools, type SetupTool } from '~/domain/claim/setup-tools'
import { keyOf, models, openSetup, setUp, treeOf, undo } from '../../../../tests/setup-laptop'
import { runScript } from '../../../../tests/terminal'
import { keyPlaceholder } from '../snippets'

const files: Record<SetupTool, Record<string, string>> = {
  'claude-code': {
    '.claude/settings.json':
      '{\n    "permissions": { "allow": ["Bash(ls)"] },\n    "env": {"ANTHROPIC_MODEL": "opus", "MY": "1"}}',
  },
  codex: {
    '.codex/config.toml':
      '# mine\r\nmodel = "gpt-5"\r\nnotify = ["a"]\r\n\r\n[mcp_servers.x]\r\nmodel = "keep"\r\n',
  },
  opencode: { '.config/opencode/opencode.json': '{"theme":"x","provider":{"openai":{}}}' },
  aider: { '.aider.conf.yml': '# mine\nmodel: gpt-5\napi-key:\n- gemini=abc\nauto-commits: false' },
  continue: {
    '.continue/config.yaml':
      'name: Mine\nmodels:\n  - name: Local\n    provider: ollama\n    model: x\n',
  },
  goose: { '.config/goose/config.yaml': 'GOOSE_PROVIDER: openai\nextensions:\n  developer: {}\n' },
}

test('each tool is set up over what was there and in an empty home, and undone byte for byte', async () => {
  const open = await openSetup()
  await using _world = open.world
  for (const tool of setupTools)
    for (const given of [files[tool], {}]) {
      for (const [name, content] of Object.entries(given)) {
        await mkdir(path.dirname(path.join(open.home, name)), { recursive: true })
        await writeFile(path.join(open.home, name), content)
        await chmod(path.join(open.home, name), 0o644)
      }
      const before = await treeOf(open.home)
      const { output, key } = await setUp(open, tool)
      expect(output).not.toContain(key)
      const written: string[] = []
      for (const name of Object.keys(files[tool])) {
        const file = path.join(open.home, name)
        written.push(await readFile(file, 'utf8'))
        expect((await stat(file)).mode & 0o777, name).toBe(0o600)
      }
      if (tool === 'goose')
        written.push(await readFile(path.join(open.home, '.config/goose/secrets.yaml'), 'utf8'))
      const all = written.join('')
      expect(all, tool).toContain(key)
      expect(all, tool).toContain(models[0])
      for (const placeholder of [keyPlaceholder, 'first-model', 'keymint.invalid'])
        expect(all, tool).not.toContain(placeholder)
      const printed = await undo(open, tool)
      expect(printed).toContain('is as it was before')
      expect(await treeOf(open.home), tool).toEqual(before)
      await rm(open.home, { recursive: true })
      await mkdir(open.home)
    }
}, 180_000)

test('what is written is what each tool reads, beside what the person had', async () => {
  const open = await openSetup()
  await using _world = open.world
  const read = async (tool: SetupTool) => {
    const [[name, content]] = Object.entries(files[tool]) as [[string, string]]
    await mkdir(path.dirname(path.join(open.home, name)), { recursive: true })
    await writeFile(path.join(open.home, name), content)
    const { key } = await setUp(open, tool)
    return { text: await readFile(path.join(open.home, name), 'utf8'), key }
  }
  const claude = await read('claude-code')
  const { baseUrl } = open.world.upstream
  expect(JSON.parse(claude.text)).toEqual({
    permissions: { allow: ['Bash(ls)'] },
    env: {
      MY: '1',
      ANTHROPIC_BASE_URL: baseUrl.replace(/\/v1$/, ''),
      ANTHROPIC_AUTH_TOKEN: claude.key,
      ANTHROPIC_API_KEY: '',
      ANTHROPIC_MODEL: models[0],
      ANTHROPIC_DEFAULT_OPUS_MODEL: models[0],
      ANTHROPIC_DEFAULT_SONNET_MODEL: models[0],
      ANTHROPIC_DEFAULT_HAIKU_MODEL: models[0],
      ANTHROPIC_DEFAULT_FABLE_MODEL: models[0],
      CLAUDE_CODE_SUBAGENT_MODEL: models[0],
    },
  })
  const codex = await read('codex')
  expect(codex.text.replaceAll('\r\n', '\n')).toBe(`model = "${models[0]}"
model_provider = "openrouter"

# mine
notify = ["a"]

[mcp_servers.x]
model = "keep"

[model_providers.openrouter]
name = "OpenRouter"
base_url = "${baseUrl}"
experimental_bearer_token = "${codex.key}"
wire_api = "responses"
`)
  expect(codex.text.split('\n').filter((line) => line && !line.endsWith('\r'))).toEqual([])
  const opencode = await read('opencode')
  expect(JSON.parse(opencode.text)).toMatchObject({
    theme: 'x',
    model: `openrouter/${models[0]}`,
    provider: {
      openai: {},
      openrouter: {
        options: { baseURL: baseUrl, apiKey: opencode.key },
        models: { [models[0]!]: {}, [models[1]!]: {} },
      },
    },
  })
  const aider = await read('aider')
  expect(parse(aider.text)).toEqual({
    model: `openrouter/${models[0]}`,
    'weak-model': `openrouter/${models[0]}`,
    'api-key': [`openrouter=${aider.key}`, 'gemini=abc'],
    'set-env': [`OPENROUTER_API_BASE=${baseUrl}`],
    'auto-commits': false,
  })
  const continued = await read('continue')
  expect(parse(continued.text)).toEqual({
    name: 'Mine',
    version: '0.0.1',
    schema: 'v1',
    models: [
      {
        name: models[0],
        provider: 'openrouter',
        model: models[0],
        apiBase: baseUrl,
        apiKey: continued.key,
      },
      { name: 'Local', provider: 'ollama', model: 'x' },
    ],
  })
  const goose = await read('goose')
  expect(parse(goose.text)).toEqual({
    GOOSE_PROVIDER: 'openrouter',
    GOOSE_MODEL: models[0],
    GOOSE_DISABLE_KEYRING: true,
    OPENROUTER_HOST: baseUrl.replace(/\/api\/v1$/, ''),
    extensions: { developer: {} },
  })
}, 120_000)

test('--print shows what it would write, asks for no code and changes nothing', async () => {
  const open = await openSetup()
  await using _world = open.world
  await mkdir(path.join(open.home, '.claude'))
  await writeFile(path.join(open.home, '.claude/settings.json'), '{"theme":"dark"}')
  const before = await treeOf(open.home)
  for (const tool of setupTools) {
    const terminal = runScript(open.script, [tool, '--print'], open.home)
    expect(await terminal.ended).toBe(0)
    expect(terminal.output()).toContain(keyPlaceholder)
    if (tool === 'claude-code') expect(terminal.output()).toContain('"theme": "dark"')
  }
  expect(await treeOf(open.home)).toEqual(before)
  expect(await open.world.db.setupCode.count()).toBe(0)
}, 60_000)

test('the script is plain ASCII, names this site alone, and holds no key', async () => {
  const open = await openSetup()
  await using _world = open.world
  expect(open.script).toMatch(/^[\x20-\x7e\n]*$/)
  expect(open.script).not.toContain(await keyOf(open.world))
  expect(open.script).not.toContain('import {')
  const hosts = [...open.script.matchAll(/https?:\/\/[^\s/'"`]+/g)].map(([host]) => host)
  expect([...new Set(hosts)].sort()).toEqual(
    [open.origin, new URL(open.world.upstream.baseUrl).origin, 'https://opencode.ai'].sort(),
  )
})

test('a second setup and a change by hand lose nothing', async () => {
  const open = await openSetup()
  await using _world = open.world
  const file = path.join(open.home, '.claude/settings.json')
  await mkdir(path.dirname(file))
  await writeFile(file, '{"theme":"dark"}\r\n')
  await setUp(open, 'claude-code')
  await setUp(open, 'claude-code')
  const byHand = JSON.stringify({ ...(JSON.parse(await readFile(file, 'utf8')) as object), own: 1 })
  await writeFile(file, byHand)
  const printed = await undo(open, 'claude-code')
  expect(printed).toContain('You have changed')
  expect(await readFile(file, 'utf8')).toBe('{"theme":"dark"}\r\n')
  expect(await readFile(`${file}.before-undo`, 'utf8')).toBe(byHand)
  await setUp(open, 'claude-code')
  await writeFile(file, '{"again":1}')
  await undo(open, 'claude-code')
  expect(await readFile(`${file}.before-undo`, 'utf8')).toBe(byHand)
  expect(await readFile(`${file}.before-undo-2`, 'utf8')).toBe('{"again":1}')
  const second = runScript(open.script, ['claude-code', '--undo'], open.home)
  expect(await second.ended).toBe(1)
  expect(second.output()).toContain('There is nothing to undo')
}, 60_000)

// As if it had been killed between the record and the file.
test('what was recorded and never written is undone, too', async () => {
  const open = await openSetup()
  await using _world = open.world
  const file = path.join(open.home, '.claude/settings.json')
  await mkdir(path.dirname(file))
  await writeFile(file, '{"theme":"dark"}')
  const before = await treeOf(open.home)
  await setUp(open, 'claude-code')
  await writeFile(file, '{"theme":"dark"}')
  await chmod(file, Number.parseInt(before.at(-1)!.split(' ')[1]!, 8))
  expect(await undo(open, 'claude-code')).not.toContain('You have changed')
  expect(await treeOf(open.home)).toEqual(before)
}, 60_000)

// As if it had been killed between the draft and the file.
test('a draft that holds the key does not stay, whether one undoes the setup or repeats it', async () => {
  const open = await openSetup()
  await using _world = open.world
  const file = path.join(open.home, '.claude/settings.json')
  const draft = `${file}.keymint-${2 ** 22 + 1}`
  const ofOneThatRuns = `${file}.keymint-${process.pid}`
  await mkdir(path.dirname(file))
  await writeFile(file, '{}')
  for (const run of [() => setUp(open, 'claude-code'), () => undo(open, 'claude-code')]) {
    await writeFile(draft, 'sk-or-v1-abc')
    await writeFile(ofOneThatRuns, 'sk-or-v1-abc')
    await run()
    expect(existsSync(draft)).toBe(false)
    expect(existsSync(ofOneThatRuns)).toBe(true)
  }
}, 60_000)

test('what is gone with its folder comes back with it', async () => {
  const open = await openSetup()
  await using _world = open.world
  const folder = path.join(open.home, '.claude')
  await mkdir(folder)
  await writeFile(path.join(folder, 'settings.json'), '{"theme":"dark"}')
  await setUp(open, 'claude-code')
  await rm(folder, { recursive: true })
  await undo(open, 'claude-code')
  expect(await readFile(path.join(folder, 'settings.json'), 'utf8')).toBe('{"theme":"dark"}')
}, 60_000)

test('a path in brackets among the projects of Codex is kept with its settings', async () => {
  const open = await openSetup()
  await using _world = open.world
  const file = path.join(open.home, '.codex/config.toml')
  const mine =
    '[model_providers.openrouter]\nname = "x"\n[projects."/home/me/[a] b"]\ntrust_level = "trusted"\n'
  await mkdir(path.dirname(file))
  await writeFile(file, mine)
  await setUp(open, 'codex')
  const written = await readFile(file, 'utf8')
  expect(written).toContain('[projects."/home/me/[a] b"]\ntrust_level = "trusted"')
  expect(written.match(/model_providers/g)).toHaveLength(1)
}, 60_000)

test('a link stays a link: the file that it names is changed and restored', async () => {
  const open = await openSetup()
  await using _world = open.world
  const real = path.join(open.home, 'dotfiles.json')
  const link = path.join(open.home, '.claude/settings.json')
  await mkdir(path.dirname(link))
  await writeFile(real, '{}')
  await symlink(real, link)
  const { key } = await setUp(open, 'claude-code')
  expect((await lstat(link)).isSymbolicLink()).toBe(true)
  expect(await readFile(real, 'utf8')).toContain(key)
  await undo(open, 'claude-code')
  expect((await lstat(link)).isSymbolicLink()).toBe(true)
  expect(await readFile(real, 'utf8')).toBe('{}')
}, 60_000)

test('the key is in the body of one answer and in the file, and nowhere else', async () => {
  const open = await openSetup()
  await using _world = open.world
  const { key } = await setUp(open, 'claude-code')
  expect(open.answers.filter((body) => body.includes(key))).toHaveLength(1)
  expect(open.world.logLines.join('\n')).not.toContain(key)
  const jobs = await open.world.db.$queryRaw<{ data: string | null }[]>`
    select data::text as data from pgboss.job`
  expect(jobs.map(({ data }) => data).join('')).not.toContain(key)
  const holding = (await treeOf(open.home)).filter((line) =>
    Buffer.from(line.split(' ')[2] ?? '', 'base64').includes(key),
  )
  expect(holding.map((line) => line.split(' ')[0])).toEqual(['.claude/settings.json'])
})
