/** A Postgres of its own, restarted in the middle of a burst: nothing that was accepted is lost. */
import { afterAll, expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { migrate } from '../prisma/migrate'
import { startPostgres } from '../simulators/postgres/server'
import { createTemplate } from '../simulators/postgres/template'
import { readAll } from '../tests/engine'
import { runsInFull } from '../tests/rounds'
import { openWorld } from '../tests/world'

const claimCount = 60
const postgres = await startPostgres({ durable: true })
afterAll(() => postgres.stop())
const template = await createTemplate(postgres.adminUrl, (url) => migrate(url))

// A shutdown that says goodbye is the milder of the two: it is left to the proofs.
const modes = runsInFull ? (['fast', 'immediate'] as const) : (['immediate'] as const)

test.each(modes)(
  'Postgres restarted (%s) in the middle of a burst of sixty claims loses none of them',
  async (mode) => {
    await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
    await world.faults({ rules: [{ match: 'POST /keys', fault: 'latency', delayMs: 200 }] })
    await world.spawnWorker()
    const people = await world.people(claimCount)
    await Promise.all(
      people.map((person) =>
        claimKey(world.ctx, { workshopSlug: 'test-workshop', person, optIn: false }),
      ),
    )
    const ready = () =>
      world.db.workshopAttendance.count({ where: { state: 'ready' } }).catch(() => -1)
    await expect.poll(ready, { timeout: 30_000, interval: 30 }).toBeGreaterThan(10)
    await postgres.restart(mode)
    await expect.poll(ready, { timeout: 60_000, interval: 200 }).toBe(claimCount)
    await world.db
      .$executeRaw`update keymint.mint_attempts set sent_at = sent_at - interval '2 min'`
    await readAll(world)
    const held = (await world.db.workshopAttendance.findMany()).map((claim) => claim.orKeyHash)
    expect((await world.liveKeys()).map((key) => key.hash).sort()).toEqual(held.sort())
    expect(held).toHaveLength(claimCount)
    const [pool] = await world.db.pool.findMany()
    expect([pool?.seats, pool?.committedUsd.toNumber()]).toEqual([claimCount, claimCount * 2])
  },
  120_000,
)
