// Keymint: puts your key into the configuration of a tool on this computer.
//
//   curl -fsS https://keymint.invalid/setup.mjs | node - claude-code
//   irm https://keymint.invalid/setup.mjs | node - claude-code         in PowerShell
//
//   --print   only shows what it would write; asks for nothing and changes nothing
//   --undo    puts back what was there before, byte for byte
//
// It needs Node 18 or newer and nothing else. It talks to this site only, and sends it two things:
// which tool you set up and what this computer calls itself. You approve on a page where you are
// signed in. The key then comes in the body of one answer and goes straight into the file.

/* global process, Buffer, fetch, URLSearchParams, AbortSignal, setTimeout, performance */

import { Stop, isObject, json, toml, yaml } from './formats.mjs'

// What this site fills in: its address, and what each tool's files get. `keyPlaceholder` stands for
// your key, `modelPlaceholder` for a model that your key may use.
const site = {}

let crypto, fs, os, path
const say = (text = '') => process.stdout.write(`${text}\n`)

const nothing = 'Nothing on this computer has changed.'

// The files of each tool, in the order of `site.tools`. A tool's own variable comes first.
function home(...parts) {
  if (path.isAbsolute(os.homedir())) return path.join(os.homedir(), ...parts)
  throw new Stop(`Your home folder is not known: set HOME to it. ${nothing}`)
}
const configHome = () => process.env.XDG_CONFIG_HOME || home('.config')
const filesOf = {
  'claude-code': () => [[process.env.CLAUDE_CONFIG_DIR || home('.claude'), 'settings.json', json]],
  codex: () => [[process.env.CODEX_HOME || home('.codex'), 'config.toml', toml]],
  opencode: () => {
    const folder = path.join(configHome(), 'opencode')
    const own = fs.existsSync(path.join(folder, 'opencode.jsonc'))
    return [[folder, own ? 'opencode.jsonc' : 'opencode.json', json]]
  },
  aider: () => [[home(), '.aider.conf.yml', yaml]],
  continue: () => [[home('.continue'), 'config.yaml', yaml]],
  goose: () => {
    const folder =
      process.platform === 'win32' && process.env.APPDATA
        ? path.join(process.env.APPDATA, 'Block', 'goose', 'config')
        : path.join(configHome(), 'goose')
    return ['config.yaml', 'secrets.yaml'].map((name) => [folder, name, yaml])
  },
}

// --- Files

/** The bytes of a file, or null where there is none. */
function read(file) {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw new Stop(`${file} cannot be read (${error.code}). ${nothing}`)
  }
}

/** Whole or not at all, and for you alone: it holds a key. */
function write(file, bytes, mode = 0o600) {
  const draft = `${file}.keymint-${process.pid}`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    fs.rmSync(draft, { force: true })
    fs.writeFileSync(draft, bytes, { mode, flag: 'wx' })
    fs.chmodSync(draft, mode)
    fs.renameSync(draft, file)
  } catch (error) {
    fs.rmSync(draft, { force: true })
    throw new Stop(`${file} cannot be written (${error.code}).`)
  }
}

/** What a run that was killed has left beside the file: it may hold the key. */
function dropDrafts(file) {
  const folder = path.dirname(file)
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    const [start, pid] = name.split('.keymint-')
    if (start === path.basename(file) && /^\d+$/.test(pid ?? '') && !isRunning(Number(pid)))
      fs.rmSync(path.join(folder, name), { force: true })
  }
}

function isRunning(pid) {
  try {
    return pid !== process.pid && process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Before a code is asked for: a code counts once, and its key must find a place. */
function requireWritable(file) {
  let folder = path.dirname(file)
  try {
    // A link that leads nowhere is an end, too.
    while (!fs.lstatSync(folder, { throwIfNoEntry: false })) folder = path.dirname(folder)
    if (!fs.statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK)
  } catch (error) {
    throw new Stop(`${file} cannot be written: see ${folder} (${error.code}). ${nothing}`)
  }
}

/** What each file of the tool becomes. A link is followed: the file it names is changed. */
function plan(tool, key, models) {
  return filesOf[tool]().map(([folder, name, format], index) => {
    const named = path.resolve(folder, name)
    const file = fs.existsSync(named) ? fs.realpathSync(named) : named
    if (file === named && fs.lstatSync(named, { throwIfNoEntry: false })?.isSymbolicLink())
      throw new Stop(`${named} is a link to a file that does not exist. ${nothing}`)
    const before = read(file)
    const text = before?.toString('utf8') ?? ''
    const change = fill(site.tools[tool].files[index], key, models)
    try {
      if (before && !Buffer.from(text, 'utf8').equals(before)) throw new Stop('It is not UTF-8')
      const lined = text.replace(/^\uFEFF/, '').replace(/\r\n/g, '\n')
      const after = format(lined, change)
      return { file, before, after: text.includes('\r\n') ? after.replace(/\n/g, '\r\n') : after }
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      throw new Stop(
        `${file} cannot be changed safely. ${error.message}. ${nothing}\n` +
          'Follow the steps for this tool on the page of your key.',
      )
    }
  })
}

/** Puts key and models in the place of what stands for them. */
function fill(value, key, models) {
  if (typeof value === 'string')
    return value.split(site.keyPlaceholder).join(key).split(site.modelPlaceholder).join(models[0])
  if (Array.isArray(value)) return value.map((item) => fill(item, key, models))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) =>
      (name === site.modelPlaceholder ? models : [name]).map((as) => [
        as,
        fill(inner, key, models),
      ]),
    ),
  )
}

// --- What is kept for --undo, in ~/.keymint/setup/<tool>: the files as they were, and a list of them.

const keptIn = (tool) => home('.keymint', 'setup', tool)
const hash = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex')

function readRecord(tool) {
  const bytes = read(path.join(keptIn(tool), 'record.json'))
  return bytes === null ? null : JSON.parse(bytes.toString('utf8'))
}

/** Written before any file is changed. A second setup keeps what was there before the first. */
function keep(tool, planned) {
  const files = readRecord(tool)?.files ?? []
  for (const { file, before, after } of planned) {
    let entry = files.find((one) => one.file === file)
    if (!entry) {
      entry = { file, kept: null, mode: null, madeFolder: firstMissing(file), written: [] }
      if (before !== null) {
        entry.kept = `${files.length}.before`
        entry.mode = fs.statSync(file).mode & 0o777
        write(path.join(keptIn(tool), entry.kept), before)
      }
      files.push(entry)
    }
    entry.written.push(hash(after))
  }
  write(path.join(keptIn(tool), 'record.json'), JSON.stringify({ files }, null, 2))
}

/** The topmost folder that has to be made for this file; null where all are there. */
function firstMissing(file) {
  let missing = null
  for (let at = path.dirname(file); !fs.existsSync(at); at = path.dirname(at)) missing = at
  return missing
}

function undo(tool) {
  const { name } = site.tools[tool]
  const record = readRecord(tool)
  if (record === null)
    throw new Stop(`There is nothing to undo: no setup of ${name} is kept here. ${nothing}`)
  for (const { file, kept, mode, madeFolder, written } of record.files) {
    const was = kept === null ? null : read(path.join(keptIn(tool), kept))
    if (kept !== null && was === null)
      throw new Stop(`What ${file} was before is missing in ${keptIn(tool)}. It stays as it is.`)
    const now = read(file)
    if (now !== null && !(was && now.equals(was)) && !written.includes(hash(now))) {
      let yours = `${file}.before-undo`
      for (let n = 2; fs.existsSync(yours); n++) yours = `${file}.before-undo-${n}`
      write(yours, now)
      say(`You have changed ${file} since. Your version is now ${yours}.`)
      say('It may hold the key: delete it when you no longer need it.')
    }
    dropDrafts(file)
    if (was !== null) write(file, was, mode)
    else {
      fs.rmSync(file, { force: true })
      removeFolders(path.dirname(file), madeFolder)
    }
    say(was === null ? `Removed ${file}.` : `Restored ${file}.`)
  }
  fs.rmSync(keptIn(tool), { recursive: true, force: true })
  removeFolders(home('.keymint', 'setup'), home('.keymint'))
  say(`${name} is as it was before.`)
}

/** From here up to `top`, as long as they are empty. */
function removeFolders(from, top) {
  try {
    for (let at = from; top !== null && at.startsWith(top); at = path.dirname(at)) fs.rmdirSync(at)
  } catch {
    // One that is not empty, or is gone, stays as it is.
  }
}

// --- The conversation with the site

async function ask(what, fields) {
  const answer = await fetch(`${site.origin}/setup/${what}`, {
    method: 'POST',
    redirect: 'error',
    headers: { Accept: 'application/json', Origin: site.origin },
    body: new URLSearchParams(fields),
    signal: AbortSignal.timeout(20_000),
  })
  return { status: answer.status, body: (await answer.json().catch(() => null)) ?? {} }
}

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1_000))

/** Asks for a code, shows it, and waits until the key comes or the code is over. */
async function fetchKey(tool) {
  const machine = os.hostname() || 'a computer'
  const started = await ask('start', { tool, machine }).catch((error) => {
    throw new Stop(`${site.origin} cannot be reached (${causeOf(error)}). ${remedy()} ${nothing}`)
  })
  const { device, code, seconds, everySeconds } = started.body
  if (started.status === 429)
    throw new Stop(`Too many codes at once. Try again in ${started.body.retryAfterSeconds} s.`)
  if (started.status !== 200)
    throw new Stop(started.body.message ?? `${site.origin} is not available. Try again shortly.`)
  say(`Open this page where you are signed in, on this computer or your phone:\n`)
  say(`    ${site.page}\n`)
  say(`and type this code:  ${code}\n`)
  say(`It counts once and for ${Math.round(seconds / 60)} minutes. Waiting...`)
  const until = performance.now() + (seconds + 60) * 1_000
  let wait = everySeconds
  while (performance.now() < until) {
    await sleep(wait)
    wait = everySeconds
    // Without a connection the code may still be approved: we ask again.
    const { status, body } = await ask('poll', { device }).catch(() => ({ status: 503, body: {} }))
    if (status === 200 && body.state === 'key') return body
    if (status === 429) wait = Math.max(everySeconds, body.retryAfterSeconds ?? 0)
    else if (body.state === 'over') throw new Stop(`${body.message} ${nothing}`)
    else if (status !== 200 && status < 500)
      throw new Stop(`${site.origin} answered ${status}. Run the command again. ${nothing}`)
  }
  throw new Stop(`${site.origin} cannot be reached any more, and the code has expired. ${nothing}`)
}

const causeOf = (error) => error.cause?.code || error.cause?.message || error.message

/** curl takes the proxy of HTTPS_PROXY by itself, Node where it is told to. */
const remedy = () =>
  (process.env.HTTPS_PROXY || process.env.https_proxy) && !process.env.NODE_USE_ENV_PROXY
    ? 'Your computer names a proxy: set NODE_USE_ENV_PROXY=1 (Node 22.21, 24 or newer) and try again.'
    : 'Check your connection and try again.'

async function setUp(tool) {
  if (typeof fetch !== 'function')
    throw new Stop(`This needs Node 18 or newer, and you have ${process.version}. ${nothing}`)
  const { name, run, note } = site.tools[tool]
  // Before a code is asked for: whether the files can be changed at all.
  const planned = plan(tool, site.keyPlaceholder, [site.modelPlaceholder])
  for (const file of [...planned.map(({ file }) => file), path.join(keptIn(tool), 'record.json')])
    requireWritable(file)
  say(`Keymint sets up ${name} on ${os.hostname()}. It writes:\n`)
  for (const { file } of planned) say(`    ${file}`)
  say()
  const { key, models } = await fetchKey(tool)
  const final = plan(tool, key, models)
  keep(tool, final)
  try {
    for (const { file, after } of final) {
      dropDrafts(file)
      write(file, after)
    }
  } catch (error) {
    throw new Stop(
      `${error.message} This puts back what has changed:\n\n    ${commandOf(tool)} --undo`,
    )
  }
  say(`\nDone. ${name} uses your key. What was there before is kept in ${keptIn(tool)}.`)
  say(note)
  say(`\n    ${run.padEnd(14)} starts it`)
  say(`    ${commandOf(tool)} --undo`.padEnd(18))
  say('                   puts back what was there before')
}

const commandOf = (tool) =>
  `${process.platform === 'win32' ? 'irm' : 'curl -fsS'} ${site.origin}/setup.mjs | node - ${tool}`

async function main() {
  ;[crypto, fs, os, path] = await Promise.all(
    ['node:crypto', 'node:fs', 'node:os', 'node:path'].map((name) => import(name)),
  )
  const given = process.argv.slice(2).filter((word) => word !== '-')
  const [tool] = given.filter((word) => !word.startsWith('--'))
  const flags = given.filter((word) => word.startsWith('--'))
  const known = flags.length < 2 && flags.every((flag) => flag === '--print' || flag === '--undo')
  if (!known || !Object.hasOwn(filesOf, tool ?? '')) {
    say(`Say which tool: ${Object.keys(filesOf).join(', ')}. For example:\n`)
    say(`    ${commandOf('claude-code')}            sets it up`)
    say(`    ${commandOf('claude-code')} --print    only shows what it would write`)
    say(`    ${commandOf('claude-code')} --undo     puts back what was there before`)
    process.exitCode = 2
  } else if (flags[0] === '--undo') undo(tool)
  else if (flags[0] === '--print')
    for (const { file, after } of plan(tool, site.keyPlaceholder, [site.modelPlaceholder]))
      say(`# ${file}, with your key and models:\n${after}`)
  else await setUp(tool)
}

main().catch((error) => {
  process.stderr.write(
    `\n${error instanceof Stop ? error.message : `This failed: ${error.message}. Nothing else follows.`}\n`,
  )
  process.exitCode = 1
})
