/** Counters agree with a full count after any changes and folds. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Prisma } from '~/adapters/db.server'
import { claimKey } from '~/domain/claim/claim.server'
import { deploymentAccount } from '~/domain/keys/accounts.server'
import { runMint } from '~/domain/keys/mint.server'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import {
  foldCounters,
  readAllCounters,
  readCounters,
  sumCounters,
  verifyCounters,
} from './counters.server'
import { percentile, stepEnd } from './histogram'
import { readActivity } from '../staff/series.server'

const slug = 'test-workshop'

async function claimAndMint(world: World, count: number) {
  for (const person of await world.people(count))
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}

test('counters follow every change at once, before and after folding', async () => {
  await using world = await openWorld()
  const [late] = await world.people(1)
  await claimAndMint(world, 3)
  await claimKey(world.ctx, { workshopSlug: slug, person: late!, optIn: false })
  expect(await readCounters(world.db, slug)).toMatchObject({
    total: 4,
    pending: 1,
    ready: 3,
    unbound: 3,
    active: 0,
    spent: 0n,
  })
  expect(await verifyCounters(world.ctx)).toEqual([])
  expect(await foldCounters(world.ctx)).toBeGreaterThan(0)
  expect(await foldCounters(world.ctx)).toBe(0)
  expect(await readCounters(world.db, slug)).toMatchObject({
    total: 4,
    pending: 1,
    ready: 3,
    unbound: 3,
  })
  await world.db.$executeRaw`
      update keymint.keys set used_usd = 2.5, window_used_usd = 2.5, guardrail_at = now()
        where saved_at is not null`
  expect(await readCounters(world.db, slug)).toMatchObject({
    unbound: 0,
    overLimit: 3,
    active: 3,
    spent: usd(7.5),
    overrun: usd(1.5),
    overrunClaims: 3,
  })
  expect(await verifyCounters(world.ctx)).toEqual([])
})

test('a rolled back change leaves no counter behind', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ maxKeys: 1 })] })
  const [first, second] = await world.people(2)
  await claimKey(world.ctx, { workshopSlug: slug, person: first!, optIn: false })
  expect(await claimKey(world.ctx, { workshopSlug: slug, person: second!, optIn: false })).toEqual({
    kind: 'refused',
    reason: 'full',
  })
  expect(await readCounters(world.db, slug)).toMatchObject({ total: 1, pending: 1 })
  expect(await verifyCounters(world.ctx)).toEqual([])
})

test('what a kept counter gets wrong is named with both counts', async () => {
  await using world = await openWorld()
  await claimAndMint(world, 1)
  await world.db
    .$executeRaw`insert into keymint.figures (scope, facet, n, usd) values (${slug}, 'ready', 5, 0)`
  expect(await verifyCounters(world.ctx)).toEqual([
    expect.objectContaining({ scope: slug, facet: 'ready', kept: 6, counted: 1 }),
  ])
})

const heldBy = (userId: string) =>
  Prisma.sql`holder_id in (select claim_id from keymint.workshop_attendance where user_id = ${userId})`

/** A claim with a key, as minting leaves it. */
async function insertReady(world: World, userId: string, workshopSlug: string) {
  await world.db.$executeRaw`
    with claim as (
      insert into keymint.workshop_attendance (user_id, workshop_slug, provider, state, limit_usd, expires_at,
        or_key_hash, key_saved_at, committed_usd)
      values (${userId}, ${workshopSlug}, 'github', 'ready', 2, now() + interval '1 day',
        gen_random_uuid()::text, now(), 2) on conflict do nothing returning *),
    mint as (
      insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, limit_usd, expires_at,
        allowed_models, state)
      select gen_random_uuid(), 'claim', claim_id, 1, workshop_slug, ${deploymentAccount}::uuid, 2, expires_at,
        '{}', 'done' from claim returning *)
    insert into keymint.keys (installation, holder_kind, holder_id, generation, account, scope, mint_id, hash,
      saved_at, expires_at, limit_usd)
    select 'x', 'claim', c.claim_id, 1, ${deploymentAccount}::uuid, c.workshop_slug, m.id, c.or_key_hash,
      c.key_saved_at, c.expires_at, 2 from claim c join mint m on m.holder_id = c.claim_id`
}

/** A key before it, which has used so much. */
async function insertFormer(world: World, userId: string, used: number) {
  await world.db.$executeRaw`
    with mint as (
      insert into keymint.mints (id, holder_kind, holder_id, generation, scope, account, limit_usd, expires_at,
        allowed_models, state)
      select gen_random_uuid(), 'claim', claim_id, 0, workshop_slug, ${deploymentAccount}::uuid, 2, expires_at,
        '{}', 'done' from keymint.workshop_attendance where user_id = ${userId} on conflict do nothing returning *)
    insert into keymint.keys (installation, holder_kind, holder_id, generation, account, scope, mint_id, hash,
      saved_at, expires_at, limit_usd, off_replaced_at)
    select 'x', 'claim', holder_id, 0, account, scope, id, id::text, now(), expires_at, 2, now() from mint`
  await world.db.$executeRaw`
    update keymint.keys set used_usd = ${used}::int where generation = 0 and ${heldBy(userId)}`
}

test('after any changes and folds, some of them at once, counters equal a full count', async () => {
  await using world = await openWorld()
  const people = await world.people(12)
  const change = fc.record({
    at: fc.nat(11),
    to: fc.constantFrom(
      'claim',
      'use',
      'bind',
      'disable',
      'miss',
      'limit',
      'fold',
      'fold-twice',
      'delete',
      'retire',
    ),
    usd: fc.nat(5),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 25 }), async (changes) => {
      for (const { at, to, usd: amount } of changes) {
        const userId = people[at]!.userId
        if (to === 'claim') await insertReady(world, userId, at % 2 === 0 ? slug : 'another')
        if (to === 'use')
          await world.db.$executeRaw`
              update keymint.keys set used_usd = used_usd + ${amount}::int, window_used_usd = ${amount}::int
                where generation = 1 and ${heldBy(userId)}`
        if (to === 'bind') await world.db.$executeRaw`update keymint.keys set guardrail_at = now()`
        if (to === 'disable')
          await world.db.$executeRaw`
              update keymint.keys set seen_off = not seen_off where holder_id in
                (select claim_id from keymint.workshop_attendance where user_id >= ${userId})`
        if (to === 'miss')
          await world.db.$executeRaw`
              update keymint.keys set missing_at = now(), bind_set_aside = true where ${heldBy(userId)}`
        if (to === 'limit')
          await world.db.$executeRaw`
              with held as (update keymint.keys set limit_usd = ${amount + 1}::int where ${heldBy(userId)})
              update keymint.workshop_attendance
                set limit_usd = ${amount + 1}::int, committed_usd = ${amount}::int where user_id = ${userId}`
        if (to === 'delete')
          await world.db
            .$executeRaw`delete from keymint.workshop_attendance where user_id = ${userId}`
        if (to === 'retire') await insertFormer(world, userId, amount)
        if (to === 'fold') await foldCounters(world.ctx)
        if (to === 'fold-twice')
          await Promise.all([foldCounters(world.ctx), foldCounters(world.ctx)])
        expect(await verifyCounters(world.ctx)).toEqual([])
      }
    }),
    { numRuns: 12 },
  )
  const all = await readAllCounters(world.db)
  expect(sumCounters(all.values()).total).toBe(await world.db.workshopAttendance.count())
})

test('folding beside a burst of claims loses and doubles nothing', async () => {
  await using world = await openWorld()
  const people = await world.people(40)
  let claiming = true
  const folding = (async () => {
    while (claiming) await Promise.all([foldCounters(world.ctx), foldCounters(world.ctx)])
  })()
  await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  claiming = false
  await folding
  expect(await verifyCounters(world.ctx)).toEqual([])
  expect(await readCounters(world.db, slug)).toMatchObject({ total: 40, pending: 40 })
})

test('claims, keys and waits count in their minute; an empty hour shows the last busy one', async () => {
  await using world = await openWorld()
  await claimAndMint(world, 4)
  const now = await readActivity(world.ctx, slug, 'hour')
  expect(now).toMatchObject({ claims: 4, keys: 4 })
  expect(now.points).toHaveLength(60)
  expect(now.points.reduce((sum, point) => sum + point.claims, 0)).toBe(4)
  expect(now.p50).toBeGreaterThan(0)
  await foldCounters(world.ctx)
  world.moveClock(5 * 86_400_000)
  const later = await readActivity(world.ctx, null, 'hour')
  expect(later).toMatchObject({ claims: 4, keys: 4 })
  expect(Date.parse(later.to)).toBeLessThan(Date.now() + 120_000)
})

test('spend of several workshops adds up, and what a closed one had used goes on counting', async () => {
  await using world = await openWorld()
  await claimAndMint(world, 1)
  await world.db
    .$executeRaw`insert into keymint.figures (scope, facet, n, usd) values ('closed', 'total', 0, 0)`
  const now = world.ctx.now().getTime()
  const sample = (scope: string, minutesAgo: number, amount: number) =>
    world.db.usageSample.create({
      data: {
        scope,
        sampledAt: new Date(now - minutesAgo * 60_000),
        usageUsd: amount,
        liveKeys: 1,
        activeKeys: 1,
      },
    })
  await sample('closed', 600, 3)
  await sample(slug, 30, 1)
  await sample(slug, 10, 2)
  const { spend } = await readActivity(world.ctx, null, 'hour')
  expect(spend[0]?.usd).toBe(3)
  expect(spend.at(-1)?.usd).toBe(5)
  expect((await readActivity(world.ctx, slug, 'hour')).spend.at(-1)?.usd).toBe(2)
})

test('percentiles by steps are right to within an eighth', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.2, max: 3_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      (waits) => {
        const counts = new Map<number, number>()
        for (const wait of waits) {
          const step = Math.ceil(Math.log(wait / 0.1) / Math.log(1.25))
          counts.set(step, (counts.get(step) ?? 0) + 1)
        }
        const exact = [...waits].sort((a, b) => a - b)[
          Math.max(1, Math.ceil(waits.length * 0.95)) - 1
        ]!
        expect(Math.abs(percentile(counts, 0.95)! / exact - 1)).toBeLessThan(0.125)
      },
    ),
  )
  expect(percentile(new Map(), 0.5)).toBeNull()
  expect(stepEnd(0)).toBeCloseTo(0.1)
})
