/**
 * Whether what people copy works: each snippet of the key page, with a key in it, in a fresh home and
 * a fresh folder, run by the tool itself against the stand-in. A tool counts only if it printed a
 * model's answer, the key paid for it, and no request of the tool was refused: the key may use one
 * model alone. The tools are pinned in bench/tools, which only this installs.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { envCommands, envFile, snippets, withKey, type Snippet } from '~/components/claim/snippets'
import type { ToolId } from '~/domain/workshop-file'
import { startOpenRouter, type RunningOpenRouter } from '../../simulators/openrouter/server'
import type { Count, Proof } from './proof'

export const toolProofs: Proof[] = [{ name: 'tools', run }]

const pinned = path.resolve('bench/tools')
const model = 'openai/gpt-5-nano'
/** How the stand-in begins every answer. */
const answered = 'played by a stand-in'
const maxSeconds = 180

type Package =
  'openai' | '@anthropic-ai/claude-code' | '@openai/codex' | 'opencode-ai' | '@continuedev/cli'
type Tool = {
  id: ToolId
  /** Whose version the line names; null for what the machine has. */
  package: Package | null
  /** Commands in place of the snippet's, where those need a person or a download. */
  adapt?: (commands: string) => string
  /** What runs where the snippet is a file for an editor. */
  run?: string
}

const tools: Tool[] = [
  { id: 'curl', package: null },
  {
    id: 'python',
    package: null,
    adapt: (commands) =>
      commands.replace('pip install openai', 'source "$TOOLS/venv/bin/activate"'),
  },
  {
    id: 'typescript',
    package: 'openai',
    // Installed already, at the pinned version.
    adapt: (commands) => commands.replace('npm install openai', 'ln -s "$TOOLS/node_modules" .'),
  },
  // Without a question it opens a screen.
  {
    id: 'claude-code',
    package: '@anthropic-ai/claude-code',
    adapt: (commands) => commands.replace(/^claude .*$/m, '$& -p "Say hello."'),
  },
  { id: 'codex', package: '@openai/codex' },
  { id: 'opencode', package: 'opencode-ai' },
  {
    id: 'continue',
    package: '@continuedev/cli',
    run: 'cn --config ~/.continue/config.yaml -p "Say hello."',
  },
]

async function run(): Promise<Count[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-tools-'))
  const openrouter = await startOpenRouter()
  try {
    const installed = path.join(folder, 'tools')
    await install(installed)
    const counts: Count[] = []
    for (const tool of tools)
      counts.push(
        await tryTool(tool, { openrouter, installed, folder: path.join(folder, tool.id) }),
      )
    counts.push(await tryEnvFile({ openrouter, installed, folder: path.join(folder, 'env-file') }))
    return counts
  } finally {
    await openrouter.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function install(into: string): Promise<void> {
  mkdirSync(into)
  cpSync(path.join(pinned, 'package.json'), path.join(into, 'package.json'))
  // Without a lock: several bring a program for each platform, and a lock would hold this one's.
  await command(into, 'npm', ['install', '--no-package-lock', '--no-audit', '--no-fund'])
  await command(into, 'python3', ['-m', 'venv', 'venv'])
  const list = path.join(pinned, 'requirements.txt')
  // By the machine's own pip, whose settings a new environment does not have.
  const pip = ['-m', 'pip', '--python', 'venv/bin/python', 'install', '--quiet', '--retries', '1']
  await command(into, 'python3', [...pip, '--requirement', list])
}

async function command(cwd: string, program: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`The tools of bench/tools could not be installed: ${program}`)
}

type Place = { openrouter: RunningOpenRouter; installed: string; folder: string }

async function tryTool(tool: Tool, place: Place): Promise<Count> {
  const name = tool.package
    ? `${tool.package} ${versionOf(tool.package, place.installed)}`
    : tool.id
  const key = await makeKey(place.openrouter)
  const snippet = snippetOf(tool.id, place.openrouter.baseUrl)
  const { home, work } = freshFolders(place.folder)
  const commands: string[] = []
  for (const { label, text } of snippet.blocks) {
    const filled = withKey(text, key.key)
    if (label === 'Terminal') commands.push(tool.adapt ? tool.adapt(filled) : filled)
    else writeTo(label.replace(/^~/, home), work, filled)
  }
  if (tool.run) commands.push(tool.run)
  return judge(`${tool.id}: ${name} prints an answer`, key, place, { home, work, commands })
}

/** The .env file, loaded as the page says, by a program that names no address and no key. */
async function tryEnvFile(place: Place): Promise<Count> {
  const key = await makeKey(place.openrouter)
  const { home, work } = freshFolders(place.folder)
  writeTo('.env', work, envFile(key.key, place.openrouter.baseUrl))
  writeTo(
    'hello.mjs',
    work,
    [
      "import OpenAI from 'openai'",
      'const answer = await new OpenAI().chat.completions.create({',
      `  model: '${model}', max_tokens: 400, messages: [{ role: 'user', content: 'Say hello.' }],`,
      '})',
      'console.log(answer.choices[0]?.message.content)',
    ].join('\n'),
  )
  const [byNode = ''] = envCommands.text.split('\n')
  const commands = [
    // Somebody else's key, as many people have one set: it must not win.
    'unset OPENAI_API_KEY OPENAI_BASE_URL',
    'ln -s "$TOOLS/node_modules" .',
    byNode,
  ]
  return judge('.env: loaded as the page says', key, place, { home, work, commands })
}

async function judge(
  what: string,
  key: { key: string; hash: string },
  place: Place,
  how: { home: string; work: string; commands: string[] },
): Promise<Count> {
  const calls = new URL('/__sim/calls', place.openrouter.baseUrl)
  await fetch(calls, { method: 'DELETE' })
  const startedAt = performance.now()
  const output = await shell(how, place.installed)
  const { last } = (await (await fetch(calls)).json()) as {
    last: { endpoint: string; status: number }[]
  }
  const refused = last.filter(({ status }) => status >= 400)
  const works =
    output.includes(answered) &&
    refused.length === 0 &&
    (await usageOf(place.openrouter, key.hash)) > 0
  if (!works)
    process.stderr.write(
      `${what}:\n${output.replaceAll(key.key, '<key>').slice(-3_000)}\n${JSON.stringify(refused)}\n`,
    )
  return {
    what,
    tried: 1,
    failed: works ? 0 : 1,
    worstSeconds: (performance.now() - startedAt) / 1000,
  }
}

/** Everything that the commands print, within the time; nothing of this machine's own settings. */
async function shell(
  { home, work, commands }: { home: string; work: string; commands: string[] },
  installed: string,
): Promise<string> {
  const child = spawn('bash', ['-e', '-c', commands.join('\n')], {
    cwd: work,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: [
        path.join(installed, 'node_modules/.bin'),
        path.dirname(process.execPath),
        '/usr/bin',
        '/bin',
      ].join(':'),
      HOME: home,
      NODE_ENV: 'production',
      TOOLS: installed,
      TERM: 'dumb',
      NO_COLOR: '1',
      CI: '1',
      // No tool reports to its maker, and none replaces itself by another version.
      DISABLE_TELEMETRY: '1',
      DO_NOT_TRACK: '1',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      CONTINUE_TELEMETRY_ENABLED: '0',
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()))
  const timer = setTimeout(() => {
    output += `\n(stopped after ${maxSeconds} s)`
    if (child.pid) process.kill(-child.pid, 'SIGKILL')
  }, maxSeconds * 1000)
  await once(child, 'close')
  clearTimeout(timer)
  return output
}

function freshFolders(folder: string): { home: string; work: string } {
  const [home, work] = [path.join(folder, 'home'), path.join(folder, 'work')]
  for (const each of [home, work]) mkdirSync(each, { recursive: true })
  return { home, work }
}

function writeTo(file: string, work: string, text: string): void {
  const target = path.resolve(work, file)
  mkdirSync(path.dirname(target), { recursive: true })
  writeFileSync(target, text)
}

function snippetOf(id: ToolId, baseUrl: string): Snippet {
  const found = snippets({ baseUrl, models: [model] }).find((snippet) => snippet.id === id)
  if (!found) throw new Error(`There is no snippet for ${id}`)
  return found
}

function versionOf(name: Package, installed: string): string {
  const file = path.join(installed, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

async function makeKey(openrouter: RunningOpenRouter): Promise<{ key: string; hash: string }> {
  const { key, data } = await manage<{ key: string; data: { hash: string } }>(openrouter, '/keys', {
    name: 'a tool',
    limit: 5,
  })
  // As a workshop's keys: a tool that asks for another model in the background is refused.
  const guardrail = await manage<{ data: { id: string } }>(openrouter, '/guardrails', {
    name: 'tools',
    allowed_models: [model],
  })
  await manage(openrouter, `/guardrails/${guardrail.data.id}/assignments/keys`, {
    key_hashes: [data.hash],
  })
  return { key, hash: data.hash }
}

async function usageOf(openrouter: RunningOpenRouter, hash: string): Promise<number> {
  return (await manage<{ data: { usage: number } }>(openrouter, `/keys/${hash}`)).data.usage
}

async function manage<Answer>(
  { baseUrl, managementKey }: RunningOpenRouter,
  url: string,
  body?: object,
): Promise<Answer> {
  const answer = await fetch(`${baseUrl}${url}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${managementKey}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  if (!answer.ok) throw new Error(`The stand-in answered ${answer.status} on ${url}`)
  return (await answer.json()) as Answer
}
