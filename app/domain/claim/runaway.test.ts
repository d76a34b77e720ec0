/** A key that runs away gets one hold, which a person lifts; a lagging reading alone gives none. */
import { expect, test } from 'vitest'
import { act, claimRow, poolNow, readyClaims, runToEnd, spend } from '../../../tests/claims'
import { applyAll, letSettle, readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { findClaimPulse } from './claim-pulse.server'
import { findClaimView } from './claim-view.server'
import { giveBack } from './end-claim.server'
import { replaceOwnKey } from './replace-key.server'
import { isRunaway, paceOf, type SpendReading } from './runaway'
import { mailHolds } from './runaway-mail.server'
import { goOn, holdRunaways } from './runaway.server'

const workshopSlug = 'test-workshop'
const start = Date.UTC(2026, 10, 28, 9)
const cents = (usd: number) => BigInt(Math.round(usd * 100)) * 10_000_000n

/** A reading a minute, of what was used by then. */
const minutely = (...used: number[]): SpendReading[] =>
  used.map((usd, index) => ({ at: new Date(start + index * 60_000), used: cents(usd) }))
const paceAfter = (readings: SpendReading[], seconds = 5) =>
  paceOf(readings, new Date(readings.at(-1)!.at.getTime() + seconds * 1000))

test('two steps in a row show a pace; a lump, a lag, a gap and an old reading show none', () => {
  expect(paceAfter(minutely(0, 0.5, 1))).toEqual({ perMinute: cents(0.5), steps: 2 })
  // What was spent in an hour and read at once; then nothing more.
  expect(paceAfter(minutely(0, 0, 0, 1.9))?.perMinute).toBe(0n)
  expect(paceAfter(minutely(0, 0, 1.9, 1.9))?.perMinute).toBe(0n)
  // Every other reading lags: half of what is read counts, not none and not double.
  expect(paceAfter(minutely(0, 0, 0.4, 0.4, 0.8))?.perMinute).toBe(cents(0.2))
  // One step alone is a suspicion.
  expect(paceAfter(minutely(0, 1))).toEqual({ perMinute: cents(1), steps: 1 })
  expect(paceAfter(minutely(1))).toBeNull()
  // Nobody read for an hour; what comes after it counts by itself.
  const gap = [{ at: new Date(start - 3_600_000), used: 0n }, ...minutely(1, 1.5, 2)]
  expect(paceAfter(gap)).toEqual({ perMinute: cents(0.5), steps: 2 })
  expect(paceAfter(minutely(0, 0.5, 1), 600)).toBeNull()
  // A clock that went back.
  expect(paceAfter([...minutely(0, 0.5, 1), { at: new Date(start), used: cents(2) }])).toBeNull()

  expect(isRunaway(cents(0.2), cents(2), 10)).toBe(true)
  expect(isRunaway(cents(0.19), cents(2), 10)).toBe(false)
  expect(isRunaway(0n, 0n, 10)).toBe(false)
})

const open = (minutes: number | null = 10) =>
  openWorld({
    clock: new Date(),
    workshops: [
      makeWorkshop({
        pauseOnRunawayMinutes: minutes,
        claimsCloseAt: new Date(Date.now() + 20 * 3_600_000),
      }),
    ],
  })
type Claim = Awaited<ReturnType<typeof readyClaims>>[number]
const ownerOf = ({ person }: Claim) => ({ workshopSlug, userId: person.userId })
const viewOf = async (world: World, claim: Claim) =>
  (await findClaimView(world.ctx, ownerOf(claim)))!.key!
const upstream = async (world: World, { hash }: { hash: string }) =>
  (await world.ctx.provider.findKey(hash))!

/** A minute passes in which these keys spend so much; it is read, and judged. */
async function minuteOf(world: World, claims: Claim[], usd: number): Promise<number> {
  for (const { hash } of claims) if (usd > 0) await spend(world, hash, usd)
  await world.travel(60_000)
  await readAll(world)
  const held = await holdRunaways(world.ctx)
  await applyAll(world)
  return held
}

/** Two minutes at a pace that would use up two dollars in five. */
async function runAway(world: World, claims: Claim[]): Promise<number> {
  await minuteOf(world, claims, 0)
  expect(await minuteOf(world, claims, 0.4)).toBe(0)
  return minuteOf(world, claims, 0.4)
}

test('a runaway key is off at the provider with its money reserved, until its owner goes on', async () => {
  await using world = await open()
  const [claim, calm] = await readyClaims(world, 2)
  const before = await poolNow(world)
  await minuteOf(world, [claim!, calm!], 0.05)
  expect(await minuteOf(world, [claim!], 0.4)).toBe(0)
  await spend(world, calm!.hash, 0.05)
  expect(await minuteOf(world, [claim!], 0.4)).toBe(1)
  expect((await upstream(world, claim!)).disabled).toBe(true)
  expect((await upstream(world, calm!)).disabled).toBe(false)
  expect(await poolNow(world)).toEqual(before)
  const { hold } = await viewOf(world, claim!)
  expect(hold).toMatchObject({ state: 'held', perMinute: { usd: 0.4 }, quietMinutes: 30 })
  expect((await viewOf(world, calm!)).hold).toBeNull()
  expect((await findClaimPulse(world.ctx, ownerOf(claim!)))?.v).toContain('held')

  const mails: string[] = []
  world.ctx.mailer = { send: ({ to }) => (mails.push(to), Promise.resolve(true)) }
  expect([await mailHolds(world.ctx), await mailHolds(world.ctx)]).toEqual([1, 0])
  expect(mails).toEqual([claim!.person.emailNormalized])

  // A stranger's press, and one for another hold, lift nothing.
  expect(await goOn(world.ctx, ownerOf(calm!), hold!.id)).toBe('not-on-hold')
  expect(await goOn(world.ctx, ownerOf(claim!), crypto.randomUUID())).toBe('not-on-hold')
  const presses = await Promise.all([
    goOn(world.ctx, ownerOf(claim!), hold!.id),
    goOn(world.ctx, ownerOf(claim!), hold!.id),
  ])
  expect(presses.sort()).toEqual(['goes-on', 'not-on-hold'])
  expect((await viewOf(world, claim!)).hold?.state).toBe('resuming')
  await applyAll(world)
  expect((await upstream(world, claim!)).disabled).toBe(false)
  expect((await viewOf(world, claim!)).hold).toBeNull()
  expect(
    await world.db.auditEvent.findMany({
      where: { action: { in: ['claim.held', 'claim.went-on'] } },
      orderBy: { id: 'asc' },
      select: { action: true, actor: true },
    }),
  ).toEqual([
    { action: 'claim.held', actor: 'worker' },
    { action: 'claim.went-on', actor: `user:${claim!.person.userId}` },
  ])
})

test('the burst that its owner lets go on gets no other hold; one after half an hour does', async () => {
  await using world = await open()
  const [claim] = await readyClaims(world, 1)
  expect(await runAway(world, [claim!])).toBe(1)
  await goOn(world.ctx, ownerOf(claim!), (await viewOf(world, claim!)).hold!.id)
  await applyAll(world)
  expect(await minuteOf(world, [claim!], 0.3)).toBe(0)
  expect(await minuteOf(world, [claim!], 0.3)).toBe(0)
  await world.travel(29 * 60_000)
  // What was read before does not count.
  expect(await minuteOf(world, [claim!], 0)).toBe(0)
  expect(await minuteOf(world, [claim!], 0.21)).toBe(0)
  expect(await minuteOf(world, [claim!], 0.21)).toBe(1)
  expect(await world.db.runawayHold.count()).toBe(2)
})

test('two workers at once and a restart put one hold; without the field there is none', async () => {
  await using world = await open()
  const claims = await readyClaims(world, 3)
  await minuteOf(world, claims, 0)
  await minuteOf(world, claims, 0.4)
  for (const { hash } of claims) await spend(world, hash, 0.4)
  await world.travel(60_000)
  await readAll(world)
  const held = await Promise.all([1, 2, 3].map(() => holdRunaways(world.ctx)))
  expect(held.reduce((sum, count) => sum + count)).toBe(3)
  expect(await world.db.runawayHold.count()).toBe(3)
  // The job of the hold is lost with its worker: the sweep finds the key.
  await applyAll(world)
  for (const claim of claims) expect((await upstream(world, claim)).disabled).toBe(true)

  await using without = await open(null)
  const [free] = await readyClaims(without, 1)
  expect(await runAway(without, [free!])).toBe(0)
  expect(await without.db.spendReading.count()).toBe(0)
})

test('what looks like one after one reading is read again alone, before the minute is over', async () => {
  await using world = await open()
  const [claim] = await readyClaims(world, 1)
  await minuteOf(world, [claim!], 0)
  expect(await minuteOf(world, [claim!], 0.8)).toBe(0)
  const due = await world.db.key.findFirstOrThrow({ where: { holderId: claim!.claimId } })
  expect(due.nextReadAt!.getTime() - world.ctx.now().getTime()).toBe(25_000)
  await spend(world, claim!.hash, 0.4)
  await world.travel(26_000)
  await readAll(world)
  expect(await holdRunaways(world.ctx)).toBe(1)
})

test('staff disable a key on hold: going on leaves it off; staff enabling it lifts both', async () => {
  await using world = await open()
  const [claim, other] = await readyClaims(world, 2)
  expect(await runAway(world, [claim!, other!])).toBe(2)
  const { hold } = await viewOf(world, claim!)
  await act(world, { kind: 'disable' }, [claim!])
  expect(await goOn(world.ctx, ownerOf(claim!), hold!.id)).toBe('goes-on')
  await applyAll(world)
  expect((await upstream(world, claim!)).disabled).toBe(true)
  expect((await viewOf(world, claim!)).disabledByOrganiser).toBe(true)
  await act(world, { kind: 'enable' }, [claim!, other!])
  for (const one of [claim!, other!]) {
    expect((await upstream(world, one)).disabled).toBe(false)
    expect((await viewOf(world, one)).hold).toBeNull()
  }
  expect(await world.db.runawayHold.count({ where: { liftedBy: 'staff' } })).toBe(1)
})

test('a hold ends with its key: given back or replaced, a late press changes nothing', async () => {
  await using world = await open()
  const [gone, leaked] = await readyClaims(world, 2)
  expect(await runAway(world, [gone!, leaked!])).toBe(2)
  const holds = [(await viewOf(world, gone!)).hold!.id, (await viewOf(world, leaked!)).hold!.id]
  const [press, ended] = await Promise.all([
    goOn(world.ctx, ownerOf(gone!), holds[0]!),
    giveBack(world.ctx, { claimId: gone!.claimId, userId: gone!.person.userId }),
  ])
  expect(['goes-on', 'no-key']).toContain(press)
  expect(ended).toBe('given-back')
  expect((await replaceOwnKey(world.ctx, ownerOf(leaked!))).kind).toBe('started')
  const { id } = await world.db.bulkAction.findFirstOrThrow()
  await runToEnd(world, id)
  await letSettle(world)
  expect(await goOn(world.ctx, ownerOf(leaked!), holds[1]!)).toBe('not-on-hold')
  const row = await claimRow(world, leaked!)
  expect([row.state, row.generation]).toEqual(['ready', 2])
  expect((await viewOf(world, leaked!)).hold).toBeNull()
  expect((await upstream(world, { hash: row.orKeyHash! })).disabled).toBe(false)
  for (const { hash } of [gone!, leaked!])
    expect((await upstream(world, { hash })).disabled).toBe(true)
})
