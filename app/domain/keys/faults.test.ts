/** Faults that were seen, one test each: clocks, jobs, saves and readings that go wrong. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { schedules } from '~/adapters/job-catalog'
import { readQueueInstallation } from '~/adapters/queue-installation.server'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { sweep } from '~/domain/operations/sweep.server'
import { sweepJob } from '../../../jobs/sweep'
import { claimRow, expectPoolToAddUp, poolNow, readyClaims, spend } from '../../../tests/claims'
import { letSettle, readAll, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, withService } from '../../../tests/world'
import { deploymentAccount, openAccount } from './accounts.server'
import { runMint } from './mint.server'
import { readAccount } from './read-account.server'
import { recordReading } from './readings.server'

const minutes = 60_000

test('a process whose clock is ten minutes fast ends no key, erases no secret and refuses no claim', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({
        kind: 'giveaway',
        keyExpiresAt: null,
        keyExpiresInMs: 6 * minutes,
        cooldownMs: 0,
        maxKeys: 10,
        acknowledgedTerms: true,
      }),
    ],
    maxTotalKeys: 10,
  })
  const [claim] = await readyClaims(world, 1)
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  world.moveClock(10 * minutes)
  expect((await sweep(world.ctx)).ended).toBe(0)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: claim!.person, optIn: false })
  await work(world)
  const row = await claimRow(world, claim!)
  expect(row).toMatchObject({ state: 'ready', generation: 1 })
  expect(row.orKeyPlaintext).not.toBeNull()
  expect((await world.ctx.provider.findKey(claim!.hash))!.disabled).toBe(false)
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(2)
})

test('a series of sweeps whose job was deleted by hand begins again by the schedule, once', async () => {
  await using world = await openWorld()
  expect((await readQueueInstallation(world.db)).missingSchedules).toEqual([])
  expect(schedules.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['sweep', 'chain-audit']),
  )
  await world.db.$executeRaw`delete from pgboss.job where name = 'sweep'`
  const send = () => world.db.$transaction((tx) => world.ctx.queue.enqueue(tx, 'sweep', {}))
  expect([await send(), await send()], 'what the schedule sends').toEqual([
    'queued',
    'already-queued',
  ])
  await world.db.$executeRaw`delete from pgboss.job where name = 'sweep'`
  await sweepJob(world.ctx, {})
  expect(await send(), 'the next one waits already').toBe('already-queued')
})

test('a save that the database refuses for what stands in it gives its slot back, and leaves no key', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  const mint = await world.db.mint.findFirstOrThrow()
  await world.db.$executeRaw`alter table keymint.keys add constraint no_label check (label is null)`
  const startedAt = performance.now()
  expect(await runMint(world.ctx, mint.id)).toMatchObject({
    kind: 'snooze',
    error: { reason: 'unexpected' },
  })
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect(await world.liveKeys()).toEqual([])
  await world.db.$executeRaw`alter table keymint.keys drop constraint no_label`
  await work(world)
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('ready')
  expect(await world.liveKeys()).toHaveLength(1)
})

test('a counter that goes back has begun anew: what it shows from then on is on top, to the cent', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const { id } = await world.db.key.findFirstOrThrow({ where: { holderId: claim!.claimId } })
  const account = (await openAccount(world.ctx, deploymentAccount))!
  const shown = (await account.adapter.findKey(account.credential, claim!.hash))!
  const used = async (usage: number) => {
    const reading = { ...shown, resets: true, usage: usd(usage), usedInWindow: usd(usage) }
    await recordReading(world.ctx, id, reading, new Date(), { own: false })
    const key = await world.db.key.findUniqueOrThrow({ where: { id } })
    return [key.usedUsd.toNumber(), key.windowUsedUsd.toNumber()]
  }
  expect(await used(1.8)).toEqual([1.8, 1.8])
  expect(await used(1.75), 'a lag is no new beginning').toEqual([1.8, 1.8])
  expect(await used(0.1)).toEqual([1.9, 1.9])
  expect(await used(1.2), 'the second spending counts in full').toEqual([3, 3])
  expect(await used(0.3)).toEqual([3.3, 3.3])
  expect(await world.db.auditEvent.count({ where: { action: 'key.usage-fell' } })).toBe(2)
  expect((await poolNow(world)).committed).toBe(3.3)
  await expectPoolToAddUp(world)
})

test('a list without an end is left at the deadline, with its reason, and the next one is read', async () => {
  await using world = await openWorld()
  const [claim, ended] = await readyClaims(world, 2)
  await spend(world, claim!.hash, 0.5)
  await world.db.$executeRaw`update keymint.keys set saved_at = saved_at - interval '1 min'`
  let pages = 0
  const endless = withService(world.ctx, () => ({
    async *listKeys() {
      for (;;) {
        await sleep(10)
        pages++
        yield { keys: [], unreadable: 0 }
      }
    },
  }))
  const outcome = await readAccount(endless, deploymentAccount, { deadlineMs: 500 })
  expect(outcome).toEqual({ kind: 'done', error: { reason: 'deadline' } })
  expect(pages).toBeLessThan(60)
  const account = () => world.db.account.findUniqueOrThrow({ where: { id: deploymentAccount } })
  expect(await account()).toMatchObject({ readError: { reason: 'deadline' }, fullListedAt: null })
  expect(await world.db.key.count({ where: { missingAt: { not: null } } })).toBe(0)
  await giveBack(world.ctx, ended!)
  await letSettle(world)
  expect((await claimRow(world, ended!)).settledAt, 'nobody waits for that list').not.toBeNull()
  await readAll(world)
  expect((await account()).readError).toBeNull()
  expect((await claimRow(world, claim!)).usageUsd.toNumber()).toBe(0.5)
})
