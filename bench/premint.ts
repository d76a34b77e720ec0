/**
 * Claims that take a pre-minted key, over HTTP as a browser without JavaScript makes them: press, and
 * the page that it leads to. `wave`: so many presses a second for ten seconds; `at once`: 200 people
 * in the same moment. Web and worker are the built processes (`npm run build` first). Prints numbers,
 * asserts nothing. BENCH_RATE, BENCH_SECONDS and BENCH_AT_ONCE change the size.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadWorkshops } from '~/domain/workshop/catalog.server'
import { migrate } from '../prisma/migrate'
import { createTemplate } from '../simulators/postgres/template'
import { startPostgres } from '../simulators/postgres/server'
import { openWorld, type World } from '../tests/world'
import { ask, signedIn, startWeb } from './web'

const rate = Number(process.env.BENCH_RATE ?? 100)
const seconds = Number(process.env.BENCH_SECONDS ?? 10)
const atOnce = Number(process.env.BENCH_AT_ONCE ?? 200)
const people = rate * seconds + atOnce
const premint = Math.min(1_000, people)
const slug = 'premint'
const callMs = 300

type Claimed = { ms: number; ready: boolean; status: number }

async function writeFolder(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'keymint-bench-'))
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  await writeFile(
    path.join(dir, `${slug}.yaml`),
    [
      'title: Pre-minted keys',
      `claims_open_at: ${inHours(-1)}`,
      `claims_close_at: ${inHours(5)}`,
      'allowed_models: [openai/gpt-5-nano]',
      'limit_usd: 10000',
      'key_limit_usd: 2',
      `key_expires_at: ${inHours(9)}`,
      'providers: [github]',
      // As many as come: the stock is not topped up for people who are not there.
      `max_keys: ${people}`,
      `premint: ${premint}`,
    ].join('\n'),
  )
  return dir
}

/** Press, and the page that the answer leads to; polled each second while the key is not there. */
async function claim(port: number, cookie: string, person: number): Promise<Claimed> {
  const browser = { port, path: `/w/${slug}/claim`, cookie, person, timeoutMs: 30_000 }
  const startedAt = performance.now()
  const pressed = await ask({ ...browser, method: 'POST' })
  if (pressed.status !== 303 && pressed.status !== 302)
    return { ms: performance.now() - startedAt, ready: false, status: pressed.status }
  for (let polls = 0; polls < 60; polls++) {
    const page = await ask(browser)
    if (page.body.includes(`/w/${slug}/claim/reveal`))
      return { ms: performance.now() - startedAt, ready: true, status: page.status }
    await sleep(1_000)
  }
  return { ms: performance.now() - startedAt, ready: false, status: 0 }
}

function print(what: string, claims: Claimed[]) {
  const sorted = claims.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(0)
  const failed = claims.filter(({ ready }) => !ready)
  process.stdout.write(
    `${what}: press to ready, median ${at(0.5)} ms, p95 ${at(0.95)} ms, last ${at(1)} ms; ` +
      `${failed.length} without a key (${[...new Set(failed.map(({ status }) => status))].join(', ') || 'none'}); ` +
      `load ${loadavg()[0]?.toFixed(0)}\n`,
  )
}

async function stocked(world: World, wanted: number): Promise<void> {
  for (;;) {
    const ready = await world.db.key.count({
      where: { holderKind: 'spare', guardrailAt: { not: null } },
    })
    if (ready >= wanted) return
    await sleep(500)
  }
}

const postgres = await startPostgres({ durable: true })
const dir = await writeFolder()
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
  world.ctx.workshops = await loadWorkshops(dir)
  await world.faults({ latencyMs: callMs })
  await world.spawnWorker({ WORKSHOPS_DIR: dir, MINT_CONCURRENCY: '25' })
  const cookies = await signedIn(
    world,
    (await world.people(people)).map(({ userId }) => userId),
  )
  const web = await startWeb(world, { WORKSHOPS_DIR: dir })
  try {
    await stocked(world, premint)
    // Not counted: a process that has answered has compiled its code and opened its connections.
    for (let warm = 0; warm < 200; warm++)
      await ask({ port: web.port, path: `/w/${slug}`, person: warm })
    const startedAt = performance.now()
    const wave: Promise<Claimed>[] = []
    for (let index = 0; index < rate * seconds; index++) {
      await sleep(Math.max(0, startedAt + (index * 1_000) / rate - performance.now()))
      wave.push(claim(web.port, cookies[index] ?? '', index))
    }
    print(`${rate} a second for ${seconds} s`, await Promise.all(wave))
    await stocked(world, Math.min(premint, atOnce))
    const rest = cookies.slice(rate * seconds)
    print(
      `${atOnce} at once`,
      await Promise.all(
        rest.map((cookie, index) => claim(web.port, cookie, rate * seconds + index)),
      ),
    )
    const early = await world.db.$queryRaw<{ early: number; all: number }[]>`
      select count(*) filter (where key_saved_at < attended_at)::int as early, count(*)::int as all
      from keymint.workshop_attendance`
    process.stdout.write(
      `${early[0]?.early} of ${early[0]?.all} keys were made before their claim\n`,
    )
  } finally {
    web.stop()
  }
} finally {
  await rm(dir, { recursive: true, force: true })
  await postgres.stop()
}
process.exit(0)
