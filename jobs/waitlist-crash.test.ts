/**
 * A waitlist whose workers are killed again and again while seats become free one by one: everybody
 * gets a seat in the order of joining, none twice, none lost.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { serveWaitlists } from '~/domain/claim/serve-waitlist.server'
import { runsInFull } from '../tests/rounds'
import { makeWorkshop, openWorld } from '../tests/world'

const workshopSlug = 'test-workshop'
const [seats, inLine, kills] = runsInFull ? [100, 300, 12] : [10, 30, 2]

const file = `title: A workshop for tests
claims_open_at: 2026-01-01T00:00:00Z
claims_close_at: 2098-01-01T00:00:00Z
key_expires_at: 2099-01-01T00:00:00Z
providers: [github]
allowed_models: [openai/gpt-5-nano]
limit_usd: 10000
key_limit_usd: 2
max_keys: ${seats}
waitlist: true
`

test(
  'seats that free one by one go to the line in order, whatever kills the workers',
  { timeout: 600_000 },
  async () => {
    const workshop = makeWorkshop({
      waitlist: true,
      maxKeys: seats,
      claimsCloseAt: new Date('2098-01-01T00:00:00Z'),
      keyExpiresAt: new Date('2099-01-01T00:00:00Z'),
    })
    await using world = await openWorld({ workshops: [workshop] })
    const folder = await mkdtemp(path.join(tmpdir(), 'keymint-waitlist-'))
    world.onClose(() => rm(folder, { recursive: true, force: true }))
    await writeFile(path.join(folder, `${workshopSlug}.yaml`), file)
    // Keys are not made here, so that a seat that is given back is free at once.
    await world.db.$executeRaw`
      insert into keymint.paused_queues (name, paused_by, reason) values ('mint-key', 'github:staff', 'A test.')`
    const people = await world.people(seats + inLine)
    for (const [index, person] of people.entries()) {
      const outcome = await claimKey(world.ctx, { workshopSlug, person, optIn: false })
      expect(outcome.kind).toBe(index < seats ? 'queued' : 'waiting')
    }

    // Every claim that is live gives its seat back in turn, until nobody waits.
    let done = false
    const feeder = (async () => {
      while (!done) {
        const claim = await world.db.workshopAttendance.findFirst({
          where: { state: 'pending' },
          orderBy: { attendedAt: 'asc' },
        })
        if (claim) await giveBack(world.ctx, claim)
        await pause(20)
      }
    })()
    const waiting = () => world.db.waitlistPlace.count({ where: { state: 'waiting' } })
    let killed = 0
    for (; killed < kills && (await waiting()) > 0; killed++) {
      const worker = await world.spawnWorker({ WORKSHOPS_DIR: folder })
      await pause(Math.random() * 250)
      worker.kill('SIGKILL')
    }
    // Two at once do the rest, as two workers would.
    while ((await waiting()) > 0) {
      await Promise.all([serveWaitlists(world.ctx), serveWaitlists(world.ctx)])
      await pause(20)
    }
    done = true
    await feeder
    expect(killed).toBeGreaterThan(0)

    const expected = people.slice(seats).map(({ userId }) => `user:${userId}`)
    const events = await world.db.auditEvent.findMany({
      where: { action: 'waitlist.let-in' },
      orderBy: { id: 'asc' },
    })
    expect(events.map(({ subject }) => subject)).toEqual(expected)
    const made = await world.db.auditEvent.groupBy({
      by: ['subject'],
      where: { action: 'claim.made' },
      _count: true,
    })
    expect(made).toHaveLength(seats + inLine)
    expect(made.every(({ _count }) => _count === 1)).toBe(true)
    expect(await world.db.workshopAttendance.count()).toBe(seats + inLine)
    const pool = await world.db.pool.findFirstOrThrow()
    const live = await world.db.workshopAttendance.count({ where: { seatFreedAt: null } })
    expect(pool.seats).toBe(live)
    expect(pool.seats).toBeLessThanOrEqual(seats)
  },
)
