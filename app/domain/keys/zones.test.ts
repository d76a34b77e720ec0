/** A server whose zone is not UTC moves no window, no end and no job: times are the same everywhere. */
import { expect, test } from 'vitest'
import { giveBack } from '~/domain/claim/end-claim.server'
import { claimRow, readyClaims, spend } from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'

const day = 86_400_000
const midnight = (at: Date) => new Date(at.toISOString().slice(0, 10)).getTime()

/** A world on a database with a zone of its own, for every connection made from now on. */
async function openWorldIn(zone: string): Promise<World> {
  const workshop = makeWorkshop({
    keyLimitReset: 'daily',
    keyExpiresAt: new Date(Date.now() + 3 * day),
  })
  const world = await openWorld({ workshops: [workshop] })
  const name = new URL(world.database.url).pathname.slice(1)
  await world.db.$executeRawUnsafe(`alter database "${name}" set timezone = '${zone}'`)
  await world.db.$disconnect()
  return world
}

const zones = ['America/New_York', 'Europe/Berlin', 'Asia/Kolkata']

test.each(zones)(
  'in %s windows begin at UTC midnight, keys end and money settles on time',
  async (zone) => {
    await using world = await openWorldIn(zone)
    const [kept, ended] = await readyClaims(world, 2)
    for (const claim of [kept!, ended!]) await spend(world, claim.hash, 0.5)
    await world.db.$executeRaw`update keymint.keys set saved_at = saved_at - interval '1 min'`
    await readAll(world)
    const row = await world.db.key.findFirstOrThrow({ where: { hash: kept!.hash } })
    expect(row.windowStartedAt?.getTime()).toBe(midnight(row.readAt!))
    expect(Math.abs(row.readAt!.getTime() - Date.now())).toBeLessThan(60_000)

    await giveBack(world.ctx, ended!)
    await letSettle(world)
    expect((await claimRow(world, ended!)).settledAt).not.toBeNull()

    await travel(world, 3 * day)
    await work(world)
    expect((await claimRow(world, kept!)).state).toBe('ended')
    await letSettle(world)
    expect((await claimRow(world, kept!)).settledAt).not.toBeNull()
  },
)

test.each(zones)(
  'in %s a job that waits runs when its time has come, and not hours later',
  async (zone) => {
    await using world = await openWorldIn(zone)
    await world.startWorkerHere()
    await world.db.$transaction((tx) =>
      world.ctx.queue.enqueue(tx, 'read-accounts', {}, { startAfterSeconds: 2 }),
    )
    await expect
      .poll(() => world.db.jobRun.count({ where: { jobName: 'read-accounts' } }), {
        timeout: 20_000,
      })
      .toBeGreaterThan(0)
  },
)
