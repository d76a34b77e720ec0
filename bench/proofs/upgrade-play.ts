/**
 * Runs inside the release before, copied there by upgrade.ts: `~` and tests/ are that release's own,
 * and claims are made by its code. KEYMINT_NEXT is the folder of this build, whose migrate and
 * workers come in while people claim. Prints its counts as the last line.
 */
import { execFile, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { claimKey } from '~/domain/claim/claim.server'
import { verifyCounters } from '~/domain/operations/counters.server'
import { loadWorkshopFiles } from '~/domain/workshop/catalog.server'
import { migrate } from '../../prisma/migrate'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { fileWith } from '../../tests/workshop-file'
import { openWorld } from '../../tests/world'

const workshopSlug = 'while-it-rolls'
const seats = 30
const limitUsd = 2
const former = process.cwd()
const next = process.env.KEYMINT_NEXT ?? ''

const postgres = await startPostgres({ durable: true })
const folder = await mkdtemp(path.join(tmpdir(), 'keymint-rolling-'))
try {
  process.stdout.write(`${JSON.stringify(await play())}\n`)
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true })
}
process.exit(0)

async function play() {
  const template = {
    adminUrl: postgres.adminUrl,
    template: await createTemplate(postgres.adminUrl, migrate),
  }
  const file = path.join(folder, `${workshopSlug}.yaml`)
  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
  await writeFile(
    file,
    fileWith({
      claims_open_at: day(-1),
      claims_close_at: day(1),
      key_expires_at: day(2),
      limit_usd: String(seats * limitUsd),
      max_keys: String(seats),
    }),
  )
  const { workshops } = await loadWorkshopFiles([file])
  await using world = await openWorld({ workshops: [...workshops.values()] }, template)
  // Keys are under way at every moment.
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 400 }] })
  const people = await world.people(seats + 12)
  let claims = 0
  const claim = async (count: number) => {
    for (const person of people.splice(0, count)) {
      const { kind } = await claimKey(world.ctx, { workshopSlug, person, optIn: false })
      if (kind === 'queued') claims++
      await sleep(150)
    }
  }
  /** A worker of the code in this folder: it is started where the process stands. */
  const start = (folderOfCode: string): Promise<ChildProcess> => {
    process.chdir(folderOfCode)
    const started = world.spawnWorker({ WORKSHOPS_DIR: folder })
    process.chdir(former)
    return started
  }
  const end = (worker: ChildProcess) =>
    new Promise((resolve) => {
      worker.once('exit', resolve)
      worker.kill('SIGTERM')
    })
  const release = () =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', 'app/cli/migrate.ts'], {
      cwd: next,
      env: { ...process.env, DATABASE_URL: world.database.url },
    })

  const [one, two] = [await start(former), await start(former)]
  await claim(6)
  await Promise.all([release(), claim(8)])
  const [newOne] = await Promise.all([end(one).then(() => start(next)), claim(8)])
  const [newTwo] = await Promise.all([end(two).then(() => start(next)), claim(8)])
  // The way back: the release before, on the newer tables.
  const back = await start(former)
  await Promise.all([end(newOne), end(newTwo), claim(12)])

  const ready = () => world.db.workshopAttendance.count({ where: { state: 'ready' } })
  for (let tries = 0; tries < 120 && (await ready()) < claims; tries++) await sleep(500)
  const keys = await world.liveKeys()
  const pool = await world.db.pool.findFirstOrThrow({ where: { workshopSlug } })
  const counts = {
    claims,
    ready: await ready(),
    keys: keys.length,
    names: new Set(keys.map(({ name }) => name)).size,
    seats,
    seatsTaken: pool.seats,
    moneyIsRight: pool.committedUsd.toNumber() === seats * limitUsd,
    countersDiffer: (await verifyCounters(world.ctx)).length,
    errors: world.logLines.filter((line) => line.includes('failed unexpectedly')).length,
  }
  await end(back)
  return counts
}
