/**
 * The line of a full workshop while its workers are killed: 300 people wait for the 100 seats of a
 * workshop, which free one by one, and two workers serve them until one of them is killed and
 * another one takes its place, again and again. PROOF_WAITING (default 300) and PROOF_SEATS (100).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { loadWorkshopFiles } from '~/domain/workshop/catalog.server'
import { migrate } from '../../prisma/migrate'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { mulberry32 } from '../../tests/rng'
import { fileWith } from '../../tests/workshop-file'
import { openWorld, type World } from '../../tests/world'
import type { Count, Proof } from './proof'

const waiting = Number(process.env.PROOF_WAITING ?? 300)
const seats = Number(process.env.PROOF_SEATS ?? 100)
const workshopSlug = 'line'
/** A kill after so many seats; each time a few of them are free at once, so that work is under way. */
const seatsBetweenKills = 25

export const waitlistProofs: Proof[] = [{ name: 'waitlist', run }]

async function run(): Promise<Count[]> {
  const postgres = await startPostgres({ durable: true })
  const folder = await mkdtemp(path.join(tmpdir(), 'keymint-line-'))
  try {
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
        limit_usd: String(seats * 3),
        max_keys: String(seats),
        waitlist: 'true',
      }),
    )
    const { workshops } = await loadWorkshopFiles([file])
    await using world = await openWorld({ workshops: [...workshops.values()] }, template)
    return await play(world, folder)
  } finally {
    await postgres.stop()
    await rm(folder, { recursive: true })
  }
}

async function play(world: World, folder: string): Promise<Count[]> {
  const claim = async (count: number) =>
    Promise.all(
      (await world.people(count)).map((person) =>
        claimKey(world.ctx, { workshopSlug, person, optIn: false }),
      ),
    )
  // A claim whose key is not made yet frees its seat at once.
  await world.db.$executeRaw`
    insert into keymint.paused_queues (name, paused_by, reason) values ('mint-key', 'github:staff', 'A proof.')`
  await claim(seats)
  const joined = (await claim(waiting)).filter(({ kind }) => kind === 'waiting').length

  const next = mulberry32(3)
  const spawn = () => world.spawnWorker({ WORKSHOPS_DIR: folder })
  const workers = await Promise.all([spawn(), spawn()])
  const watched = { samples: 0, tooMany: 0 }
  let kills = 0
  let worstSeconds = 0
  for (let freed = 0; freed < waiting; freed++) {
    const isKill = freed % seatsBetweenKills === seatsBetweenKills - 1
    await freeSeat(world, next)
    if (isKill) {
      await hurry(world)
      await sleep(next() * 400)
      workers.shift()?.kill('SIGKILL')
      kills++
    }
    // Five seats are free at once around a kill; else one by one.
    if (freed % seatsBetweenKills >= seatsBetweenKills - 5 && !isKill) continue
    worstSeconds = Math.max(worstSeconds, await served(world, freed + 1, watched))
    if (isKill) workers.push(await spawn())
  }
  await world.db.$executeRaw`delete from keymint.paused_queues where name = 'mint-key'`
  const withKey = await keysOfAll(world)
  return [
    {
      what: `people of ${waiting} who joined the line of a workshop of ${seats}`,
      tried: waiting,
      failed: waiting - joined,
    },
    ...(await countPlaces(world)),
    {
      what: 'looks at the seats taken: never more than there are',
      tried: watched.samples,
      failed: watched.tooMany,
    },
    {
      what: 'workers killed with SIGKILL meanwhile; the longest wait for a free seat',
      tried: kills,
      failed: 0,
      worstSeconds,
    },
    { what: 'people with a seat at the end who have a key', tried: seats, failed: seats - withKey },
  ]
}

/** Somebody who has a seat gives it back. */
async function freeSeat(world: World, next: () => number): Promise<void> {
  const live = await world.db.workshopAttendance.findMany({
    where: { state: 'pending' },
    orderBy: { claimId: 'asc' },
    select: { claimId: true, userId: true },
  })
  const one = live[Math.floor(next() * live.length)]
  if (!one || (await giveBack(world.ctx, one)) !== 'given-back')
    throw new Error('no seat could be given back')
}

/** A sweep is due every 15 seconds; this proof does not wait for it. */
async function hurry(world: World): Promise<void> {
  await world.db.$transaction((tx) => world.ctx.queue.enqueue(tx, 'sweep', {}))
  await world.db.$executeRaw`
    update pgboss.job set start_after = now() where name = 'sweep' and state = 'created'`
}

/** Until so many were let in; how long it took, in seconds. */
async function served(
  world: World,
  wanted: number,
  watched: { samples: number; tooMany: number },
): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const [[pool], done] = await Promise.all([
      world.db.$queryRaw<{ taken: number }[]>`
        select count(*)::int as taken from keymint.workshop_attendance where seat_freed_at is null`,
      world.db.waitlistPlace.count({ where: { state: { not: 'waiting' } } }),
    ])
    watched.samples++
    if ((pool?.taken ?? 0) > seats) watched.tooMany++
    const seconds = (performance.now() - startedAt) / 1000
    if (done >= wanted) return seconds
    if (seconds > 120) throw new Error(`${done} of ${wanted} were let in after ${seconds} s`)
    await hurry(world)
    await sleep(150)
  }
}

async function countPlaces(world: World): Promise<Count[]> {
  const places = await world.db.$queryRaw<
    { turn: number; state: string; claims: number; events: number; servedAs: number | null }[]
  >`
    select w.turn::int, w.state,
      (select count(*)::int from keymint.workshop_attendance c where c.user_id = w.user_id
        and c.claim_id = w.claim_id) as claims,
      (select count(*)::int from keymint.audit_events e where e.action = 'waitlist.let-in'
        and e.subject = 'user:' || w.user_id) as events,
      (select min(e.id)::int from keymint.audit_events e where e.action = 'waitlist.let-in'
        and e.subject = 'user:' || w.user_id) as "servedAs"
    from keymint.waitlist w order by w.turn`
  const inOrder = places.filter(
    ({ servedAs }, index) => index === 0 || (servedAs ?? 0) > (places[index - 1]?.servedAs ?? 0),
  )
  const tried = waiting
  return [
    { what: 'places served in the order of joining', tried, failed: tried - inOrder.length },
    {
      what: 'places served once, with one claim',
      tried,
      failed: tried - places.filter(({ claims, events }) => claims === 1 && events === 1).length,
    },
    {
      what: 'places that are not lost: let in',
      tried,
      failed: tried - places.filter(({ state }) => state === 'let-in').length,
    },
  ]
}

async function keysOfAll(world: World): Promise<number> {
  const end = performance.now() + 180_000
  for (;;) {
    const ready = await world.db.workshopAttendance.count({ where: { state: 'ready' } })
    if (ready >= seats || performance.now() > end) return ready
    await sleep(200)
  }
}
