/** Requests for a higher limit: one for each key, decided once, and never more than the pool holds. */
import { expect, test } from 'vitest'
import {
  act,
  claimRow,
  expectPoolToAddUp,
  poolNow,
  readyClaims,
  spend,
} from '../../../tests/claims'
import { applyAll, letSettle, readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { erasePerson } from '../people/erase.server'
import type { Workshop } from '../workshop-file'
import { findClaimPulse } from './claim-pulse.server'
import { claimKey } from './claim.server'
import { giveBack } from './end-claim.server'
import {
  askForMore,
  countOpenRequests,
  decideRequests,
  findLimitRequest,
  listOpenRequests,
  type RequestDecision,
} from './limit-requests.server'

const slug = 'test-workshop'
type Claim = Awaited<ReturnType<typeof readyClaims>>[number]

const openWithRequests = (change: Partial<Workshop> = {}) =>
  openWorld({ workshops: [makeWorkshop({ askForMore: true, poolLimit: usd(20), ...change })] })

const ownerOf = ({ userId }: Claim) => ({ workshopSlug: slug, userId })

const ask = (world: World, claim: Claim, amount = 2) =>
  askForMore(world.ctx, ownerOf(claim), { more: usd(amount), reason: 'One more experiment' })

/** People whose keys have used all of their limit but a cent. */
async function lowClaims(world: World, count: number) {
  const claims = await readyClaims(world, count)
  for (const claim of claims) await spend(world, claim.hash, 1.99)
  await readAll(world)
  return claims
}

const openIds = async (world: World) =>
  (await listOpenRequests(world.ctx, slug)).map(({ id }) => id)

async function decide(
  world: World,
  decision: RequestDecision,
  { actor = 'github:staff', ids }: { actor?: string; ids?: string[] } = {},
) {
  const requestIds = ids ?? (await openIds(world))
  return decideRequests(world.ctx, { workshopSlug: slug, requestIds, decision, actorUserId: actor })
}

test('an approval raises the key within the pool, and the page of its owner says so', async () => {
  await using world = await openWithRequests()
  const [claim] = await lowClaims(world, 1)
  const before = await findClaimPulse(world.ctx, ownerOf(claim!))
  expect(await ask(world, claim!)).toEqual({ kind: 'asked' })
  const waiting = await findClaimPulse(world.ctx, ownerOf(claim!))
  expect(waiting?.v).not.toBe(before?.v)
  expect(waiting?.next).toBeLessThanOrEqual(10_000)
  expect(JSON.stringify(waiting).length).toBeLessThan(300)
  expect(await listOpenRequests(world.ctx, slug)).toMatchObject([
    { reason: 'One more experiment', more: { usd: 2 }, limit: { usd: 2 } },
  ])
  expect(await countOpenRequests(world.ctx, [slug, 'other'])).toEqual(new Map([[slug, 1]]))
  expect(await decide(world, { kind: 'approve', more: usd(0.5) })).toEqual(['approved'])
  await applyAll(world)
  expect((await world.ctx.provider.findKey(claim!.hash))?.limit).toBe(usd(2.5))
  expect(await poolNow(world)).toEqual({ committed: 2.5, seats: 1 })
  await expectPoolToAddUp(world)
  const after = await findLimitRequest(world.ctx, ownerOf(claim!))
  expect(after?.last).toMatchObject({ state: 'approved', granted: { usd: 0.5 }, raised: true })
  expect((await findClaimPulse(world.ctx, ownerOf(claim!)))?.v).not.toBe(waiting?.v)
  const events = await world.db.auditEvent.findMany({
    where: { subject: `claim:${claim!.claimId}`, action: { contains: 'limit' } },
    orderBy: { id: 'asc' },
  })
  expect(events.map(({ action }) => action)).toEqual(
    expect.arrayContaining([
      'limit-request.asked',
      'limit-request.approved',
      'claim.limit-changed',
    ]),
  )
})

test('the sentence of a person stays out of the audit trail and goes with the person', async () => {
  await using world = await openWithRequests()
  const [claim] = await lowClaims(world, 1)
  await ask(world, claim!)
  const trail = await world.db.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from keymint.audit_events where details::text like '%experiment%'`
  expect(trail[0]?.count).toBe(0)
  await act(world, { kind: 'revoke', mayClaimAgain: false }, [claim!])
  await readAll(world)
  expect(await erasePerson(world.ctx, { userId: claim!.userId, because: 'asked' })).toEqual({
    kind: 'erased',
  })
  expect(await world.db.limitRequest.count()).toBe(0)
})

test('nobody asks without the file, before the key runs low, twice, or for more than the pool', async () => {
  await using world = await openWithRequests()
  const [claim] = await readyClaims(world, 1)
  const refused = (reason: string) => ({ kind: 'refused', reason })
  expect(await ask(world, claim!)).toEqual(refused('not-low'))
  await spend(world, claim!.hash, 1.7)
  await readAll(world)
  expect(await ask(world, claim!, 21)).toEqual(refused('more-than-pool'))
  const all = await Promise.all(Array.from({ length: 6 }, () => ask(world, claim!)))
  expect(all.filter(({ kind }) => kind === 'asked')).toHaveLength(1)
  expect(all.filter(({ kind }) => kind === 'refused')).toHaveLength(5)
  expect(await ask(world, claim!)).toEqual(refused('open-already'))
  await using other = await openWorld()
  const [theirs] = await readyClaims(other, 1)
  expect(await ask(other, theirs!)).toEqual(refused('not-offered'))
  expect(await findLimitRequest(other.ctx, ownerOf(theirs!))).toBeNull()
})

test('two who decide at once decide once: approved or refused, and reserved once', async () => {
  await using world = await openWithRequests()
  const claims = await lowClaims(world, 3)
  for (const claim of claims) await ask(world, claim)
  // All three look at the page before anybody decides.
  const ids = await openIds(world)
  const results = await Promise.all([
    decide(world, { kind: 'approve', more: null }, { actor: 'github:one', ids }),
    decide(world, { kind: 'approve', more: usd(1) }, { actor: 'github:two', ids }),
    decide(world, { kind: 'refuse' }, { actor: 'github:three', ids }),
  ])
  expect(results.flat().filter((result) => result === 'decided-already')).toHaveLength(6)
  const rows = await world.db.limitRequest.findMany()
  const granted = rows.reduce((sum, row) => sum + (row.grantedUsd?.toNumber() ?? 0), 0)
  expect(await poolNow(world)).toMatchObject({ committed: 6 + granted })
  await expectPoolToAddUp(world)
  for (const row of rows)
    expect((await claimRow(world, row)).limitUsd.toNumber()).toBe(
      row.state === 'approved' ? row.limitUsd?.toNumber() : 2,
    )
})

test('what does not fit into the pool stays open, and the rest is approved', async () => {
  await using world = await openWithRequests({ poolLimit: usd(9) })
  const claims = await lowClaims(world, 3)
  await ask(world, claims[0]!, 4)
  await ask(world, claims[1]!, 2)
  await ask(world, claims[2]!, 2)
  expect(await decide(world, { kind: 'approve', more: null })).toEqual([
    'pool-full',
    'approved',
    'pool-full',
  ])
  expect(await poolNow(world)).toMatchObject({ committed: 8 })
  expect((await listOpenRequests(world.ctx, slug)).map(({ claimId }) => claimId)).toEqual([
    claims[0]!.claimId,
    claims[2]!.claimId,
  ])
  await expectPoolToAddUp(world)
})

test('approvals race with claims and endings, and the pool is never passed', async () => {
  await using world = await openWithRequests({ poolLimit: usd(16) })
  const claims = await lowClaims(world, 4)
  for (const claim of claims) await ask(world, claim)
  const people = await world.people(8)
  await Promise.all([
    decide(world, { kind: 'approve', more: null }, { actor: 'github:one' }),
    decide(world, { kind: 'approve', more: null }, { actor: 'github:two' }),
    ...people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
    giveBack(world.ctx, { claimId: claims[3]!.claimId, userId: claims[3]!.userId }),
  ])
  expect((await poolNow(world)).committed).toBeLessThanOrEqual(16)
  await expectPoolToAddUp(world)
  const last = await findLimitRequest(world.ctx, ownerOf(claims[3]!))
  expect(['approved', 'ended']).toContain(last?.last?.state)
})

test('a request ends with its key, and an approval after that changes nothing', async () => {
  await using world = await openWithRequests()
  const [revoked, expired] = await lowClaims(world, 2)
  await ask(world, revoked!)
  await ask(world, expired!)
  const requestIds = (await listOpenRequests(world.ctx, slug)).map(({ id }) => id)
  await act(world, { kind: 'revoke', mayClaimAgain: false }, [revoked!])
  expect((await findLimitRequest(world.ctx, ownerOf(revoked!)))?.last?.state).toBe('ended')
  await world.travel(2 * 86_400_000)
  expect(await listOpenRequests(world.ctx, slug)).toEqual([])
  expect(await countOpenRequests(world.ctx, [slug])).toEqual(new Map())
  const decided = await decideRequests(world.ctx, {
    workshopSlug: slug,
    requestIds,
    decision: { kind: 'approve', more: null },
    actorUserId: 'github:staff',
  })
  expect(decided.sort()).toEqual(['decided-already', 'key-ended'])
  await expectPoolToAddUp(world)
})

test('a request ends with a replaced or extended key: an approval of it raises nothing of the new one', async () => {
  await using world = await openWithRequests()
  const [replaced, extended] = await lowClaims(world, 2)
  await ask(world, replaced!)
  await ask(world, extended!)
  const requestIds = (await listOpenRequests(world.ctx, slug)).map(({ id }) => id)
  const expiresAt = new Date(world.ctx.now().getTime() + 30 * 86_400_000)
  await act(world, { kind: 're-issue' }, [replaced!])
  await act(world, { kind: 'extend', expiresAt }, [extended!])
  expect(await listOpenRequests(world.ctx, slug)).toEqual([])
  for (const claim of [replaced!, extended!]) {
    expect((await findLimitRequest(world.ctx, ownerOf(claim)))?.last?.state).toBe('ended')
    expect((await claimRow(world, claim)).generation).toBe(2)
  }
  const decided = await decideRequests(world.ctx, {
    workshopSlug: slug,
    requestIds,
    decision: { kind: 'approve', more: null },
    actorUserId: 'github:staff',
  })
  expect(decided).toEqual(['decided-already', 'decided-already'])
  for (const claim of [replaced!, extended!])
    expect((await claimRow(world, claim)).limitUsd.toNumber()).toBe(claim.limitUsd.toNumber())
  await letSettle(world)
  // The new key may have a request of its own.
  expect(await ask(world, replaced!)).toEqual({ kind: 'asked' })
  await expectPoolToAddUp(world)
})

test('a raise that the provider refuses is no raise, and may be asked for again', async () => {
  await using world = await openWithRequests()
  const [claim] = await lowClaims(world, 1)
  await ask(world, claim!)
  await world.faults({
    rules: [{ match: 'PATCH /keys/*', fault: 'refuse', status: 400, times: 1 }],
  })
  expect(await decide(world, { kind: 'approve', more: null })).toEqual(['approved'])
  await applyAll(world)
  expect((await findLimitRequest(world.ctx, ownerOf(claim!)))?.last).toMatchObject({
    state: 'approved',
    raised: false,
  })
  expect(await poolNow(world)).toMatchObject({ committed: 2 })
  expect(await ask(world, claim!)).toEqual({ kind: 'asked' })
})

test('a workshop decides its own requests alone', async () => {
  await using world = await openWithRequests()
  const [claim] = await lowClaims(world, 1)
  await ask(world, claim!)
  const [open] = await listOpenRequests(world.ctx, slug)
  expect(
    await decideRequests(world.ctx, {
      workshopSlug: 'other',
      requestIds: [open!.id],
      decision: { kind: 'refuse' },
      actorUserId: 'github:staff',
    }),
  ).toEqual([])
  expect(await listOpenRequests(world.ctx, slug)).toHaveLength(1)
})
