/** How many calls at once: what the pure part makes of cohorts, and what the turns make of answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openWorld } from '../../../tests/world'
import { deploymentAccount as account } from './accounts.server'
import { createCallPace } from './call-pace.server'
import type { CallEnd, CallPace } from '../call-pace'
import { afterCohort, firstPace, paceFrom, paceView, shareOf, type Cohort, type Pace } from './pace'

const ceiling = 40
const cohortOf = (pace: Pace, some: Partial<Cohort>): Cohort => {
  const sent = some.sent ?? 25
  const bad = Math.min(sent, (some.refused ?? 0) + (some.failed ?? 0))
  return {
    epoch: pace.epoch,
    sent,
    refused: 0,
    failed: 0,
    besides: sent - bad,
    complete: true,
    windowBound: true,
    paceBound: false,
    spanMs: 300,
    callMs: 300,
    workers: 1,
    answers: '.'.repeat(sent - bad) + 'x'.repeat(bad),
    ...some,
  }
}
const anyCohort = fc.record({
  stale: fc.boolean(),
  sent: fc.integer({ min: 1, max: 60 }),
  refusedShare: fc.double({ min: 0, max: 1, noNaN: true }),
  failedShare: fc.double({ min: 0, max: 0.3, noNaN: true }),
  windowBound: fc.boolean(),
  paceBound: fc.boolean(),
  complete: fc.boolean(),
  spanMs: fc.integer({ min: 0, max: 3_000 }),
  workers: fc.integer({ min: 1, max: 4 }),
  pauseMs: fc.integer({ min: 0, max: 20_000 }),
})

test('whatever comes back, the limit stays between one and the ceiling, and stale news cuts nothing', () => {
  fc.assert(
    fc.property(fc.array(anyCohort, { maxLength: 60 }), (steps) => {
      let pace = firstPace()
      let now = 1_000
      for (const { stale, refusedShare, failedShare, pauseMs, ...some } of steps) {
        now += pauseMs
        const refused = Math.floor(some.sent * refusedShare)
        const failed = Math.floor((some.sent - refused) * failedShare)
        const epoch = stale ? pace.epoch - 1 : pace.epoch
        const after = afterCohort(pace, cohortOf(pace, { ...some, refused, failed, epoch }), {
          ceiling,
          now,
        })
        expect(after.pace.limit).toBeGreaterThanOrEqual(1)
        expect(after.pace.limit).toBeLessThanOrEqual(ceiling)
        expect(after.pace.recent.length).toBeLessThanOrEqual(40)
        expect(after.pace.epoch).toBeGreaterThanOrEqual(pace.epoch)
        if (after.pace.perSecond !== null) expect(after.pace.perSecond).toBeGreaterThan(0)
        // Never below a half in one step, but for an outage.
        if (!after.close)
          expect(after.pace.limit).toBeGreaterThanOrEqual(Math.floor(pace.limit / 2))
        if (stale && !after.close) expect(after.pace.limit).toBe(pace.limit)
        // An accepted call and a part of refusals are no outage.
        if (refused <= 0.9 * some.sent) expect(after.close).toBe(false)
        expect(paceFrom(JSON.parse(JSON.stringify(after.pace)))).toEqual(after.pace)
        pace = after.pace
      }
    }),
  )
})

test('the parts of all workers are the limit, and each has one at least', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 12 }),
      (limit, count) => {
        const pace = { ...firstPace(), limit }
        const parts = Array.from({ length: count }, (_, rank) => shareOf(pace, { count, rank }, 50))
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(1)
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(
          Math.max(count, Math.min(limit, 50)),
        )
      },
    ),
  )
})

test('one call in twenty refused changes nothing, and the number grows to the ceiling', () => {
  let pace = firstPace()
  for (let round = 1; round <= 10; round++)
    pace = afterCohort(pace, cohortOf(pace, { sent: 20, refused: 1, failed: 1 }), {
      ceiling: 25,
      now: round * 300,
    }).pace
  expect(pace).toMatchObject({ limit: 25, known: null, perSecond: null })
  expect(paceView(pace, 25)).toMatchObject({ atOnce: 25, why: 'ceiling', refused: 4, of: 40 })
})

test('a limit of calls at once is found from what was out beside the refused ones, and one more is tried later', () => {
  let pace: Pace = { ...firstPace(), limit: 36 }
  const met = cohortOf(pace, { sent: 36, refused: 11, besides: 25 })
  pace = afterCohort(pace, met, { ceiling: 100, now: 1_000 }).pace
  expect(pace).toMatchObject({ limit: 25, known: 25, perSecond: null })
  expect(paceView(pace, 100)).toMatchObject({ atOnce: 25, why: 'refused', refused: 11, of: 36 })
  // Another worker tells of the same burst.
  expect(afterCohort(pace, met, { ceiling: 100, now: 1_050 }).pace.limit).toBe(25)
  const clean = () => cohortOf(pace, {})
  expect(afterCohort(pace, clean(), { ceiling: 100, now: 2_900 }).pace.limit).toBe(25)
  pace = afterCohort(pace, clean(), { ceiling: 100, now: 3_100 }).pace
  expect(pace.limit).toBe(26)
  pace = afterCohort(pace, cohortOf(pace, { sent: 26, refused: 1 }), {
    ceiling: 100,
    now: 3_400,
  }).pace
  expect(pace).toMatchObject({ limit: 25, trialMs: 4_000 })
  pace = afterCohort(pace, clean(), { ceiling: 100, now: 62_000 }).pace
  expect(pace.known, 'after a minute it is looked for anew').toBeNull()
})

test('a provider that counts calls a second is known by the second cut, and calls are paced', () => {
  let pace: Pace = { ...firstPace(), limit: 25 }
  const cutOnce = cohortOf(pace, { sent: 25, refused: 5, besides: 20, spanMs: 20 })
  pace = afterCohort(pace, cutOnce, { ceiling: 25, now: 1_000 }).pace
  expect(pace).toMatchObject({ limit: 20, perSecond: null })
  const cutAgain = cohortOf(pace, { sent: 15, refused: 5, besides: 9, spanMs: 500 })
  pace = afterCohort(pace, cutAgain, { ceiling: 25, now: 1_500 }).pace
  expect(pace.perSecond, 'slightly below what was accepted').toBe(19)
  expect(pace.limit).toBeGreaterThanOrEqual(10)
  const later = afterCohort(pace, cohortOf(pace, { sent: 20, paceBound: true }), {
    ceiling: 25,
    now: 3_600,
  }).pace
  expect(later.perSecond).toBeCloseTo(19.95)
  const tooFast = cohortOf(later, { sent: 20, refused: 2, paceBound: true })
  expect(afterCohort(later, tooFast, { ceiling: 25, now: 4_600 }).pace).toMatchObject({
    perSecond: later.perSecond! * 0.9,
    trialMs: 4_000,
  })
})

test('only a whole window of refusals closes the account, or one call alone where nothing was accepted of late', () => {
  const at = { ceiling: 25, now: 100_000 }
  const pace: Pace = { ...firstPace(), limit: 25, acceptedAt: 99_000 }
  const all = { sent: 25, refused: 25, besides: 0, answers: 'x'.repeat(25) }
  expect(afterCohort(pace, cohortOf(pace, all), at)).toMatchObject({
    close: true,
    pace: { limit: 4 },
  })
  expect(afterCohort(pace, cohortOf(pace, { ...all, complete: false }), at).close).toBe(false)
  const one = cohortOf(pace, { sent: 1, refused: 1, besides: 0 })
  expect(afterCohort(pace, one, at).close).toBe(false)
  expect(afterCohort({ ...pace, acceptedAt: 80_000 }, one, at)).toMatchObject({
    close: true,
    pace: { limit: 25 },
  })
})

/** A provider with limits, in this process. */
function provider(limits: { atOnce?: number; rate?: number; burst?: number; callMs: number }) {
  let running = 0
  let tokens = limits.burst ?? Infinity
  let filledAt = performance.now()
  const counts = { accepted: 0, refused: 0, most: 0 }
  return {
    counts,
    async call(): Promise<CallEnd> {
      const now = performance.now()
      if (limits.rate)
        tokens = Math.min(limits.burst!, tokens + ((now - filledAt) * limits.rate) / 1e3)
      filledAt = now
      if (running >= (limits.atOnce ?? Infinity) || tokens < 1) {
        counts.refused++
        await sleep(5)
        return 'refused'
      }
      tokens--
      counts.most = Math.max(counts.most, ++running)
      await sleep(limits.callMs)
      running--
      counts.accepted++
      return 'accepted'
    },
  }
}

/** Keys for so many, refused ones again after a second, shared by these workers. */
async function burst(workers: CallPace[], many: number, call: () => Promise<CallEnd>) {
  const one = async (index: number) => {
    for (let first = false; ; first = true) {
      const turn = await workers[index % workers.length]!.take(account, { first })
      turn.sent()
      const how = await call()
      void turn.end(how)
      if (how === 'accepted') return
      await sleep(500)
    }
  }
  await Promise.all(Array.from({ length: many }, (_, index) => one(index)))
}

test('two workers share one limit, find the provider’s own, and leave it for whoever comes next', async () => {
  await using world = await openWorld()
  const make = () => createCallPace({ db: world.db, log: world.ctx.log, ceiling: 60 })
  const limited = provider({ atOnce: 20, callMs: 100 })
  const workers = [make(), make()]
  // Both have said that they are there before the burst.
  for (const worker of workers) (await worker.take(account)).unused()
  await burst(workers, 200, limited.call)
  expect(limited.counts.accepted).toBe(200)
  expect(limited.counts.most).toBeLessThanOrEqual(20)
  // How close it comes is for the bench: here timers may be late.
  expect(limited.counts.refused).toBeLessThan(200)
  const { pace } = await world.db.account.findUniqueOrThrow({ where: { id: account } })
  expect(paceFrom(pace).known).not.toBeNull()
  expect(paceFrom(pace).limit).toBeLessThan(60)
})

test('a call without an answer counts nowhere, and one that was not made gives its slot back', async () => {
  await using world = await openWorld()
  const pace = createCallPace({ db: world.db, log: world.ctx.log, ceiling: 1 })
  const turn = await pace.take(account)
  let next = false
  const waiting = pace.take(account).then((other) => {
    next = true
    return other
  })
  await sleep(20)
  expect(next).toBe(false)
  turn.unused()
  await (await waiting).end('neutral')
  expect(await (await pace.take(account)).end('refused')).toBe('close')
})
