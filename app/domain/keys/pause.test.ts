/** A pause of key creation parks: nothing runs behind it, and its end wakes all that wait. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { sweep } from '~/domain/operations/sweep.server'
import { openWorld, type World } from '../../../tests/world'
import { runMint } from './mint.server'
import { pauseMinting, resumeMinting } from './pause.server'

const count = 300
const slug = 'test-workshop'

/** Mint jobs by their state. */
async function mintJobs(world: World): Promise<Record<string, number>> {
  const rows = await world.db.$queryRaw<{ state: string; count: number }[]>`
    select state::text, count(*)::int as count from pgboss.job where name = 'mint-key' group by 1`
  return Object.fromEntries(rows.map((row) => [row.state, row.count]))
}

test('three hundred claims behind a pause park, and its end makes a key for each', async () => {
  await using world = await openWorld()
  const people = await world.people(count)
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  expect(await mintJobs(world)).toEqual({ created: count })
  await pauseMinting(world.ctx, { actorUserId: 'github:1', reason: 'Back in ten minutes.' })
  // Each job looks once, and is over.
  await world.startWorkerHere(10)
  await expect.poll(() => mintJobs(world), { timeout: 60_000 }).toEqual({ completed: count })
  await sweep(world.ctx)
  await world.db.$executeRaw`update keymint.mints set queued_at = now() - interval '1 hour'`
  for (let round = 0; round < 4; round++) {
    await sweep(world.ctx)
    await sleep(1_000)
    expect(await mintJobs(world)).toEqual({ completed: count })
  }
  expect((await world.calls())['POST /keys']).toBeUndefined()
  expect(await resumeMinting(world.ctx, { actorUserId: 'github:1' })).toBe(count)
  await expect
    .poll(() => world.db.workshopAttendance.count({ where: { state: 'ready' } }), {
      timeout: 90_000,
    })
    .toBe(count)
  expect((await world.calls())['POST /keys']).toBe(count)
}, 180_000)

test('a mint that finds a pause ends its job and says why it waits', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await pauseMinting(world.ctx, { actorUserId: 'github:1', reason: 'Back soon.' })
  const mint = await world.db.mint.findFirstOrThrow()
  expect(await runMint(world.ctx, mint.id)).toEqual({ kind: 'done' })
  expect((await world.db.mint.findFirstOrThrow()).delayReason).toBe('paused')
})
