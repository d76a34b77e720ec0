/** The report: the same sums as every other page, from amounts that were really spent, without names. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { recordTurnedAway } from '~/domain/claim/turned-away.server'
import { runMint } from '~/domain/keys/mint.server'
import { settlingMessage } from '~/components/staff/report-messages'
import { moneyViewOfDecimal } from '~/domain/money-view'
import { foldCounters } from '~/domain/operations/counters.server'
import { sweep } from '~/domain/operations/sweep.server'
import { nanoFromDecimalString } from '~/money'
import { reportView } from '~/web/report-view.server'
import { letSettle, readAll, travel } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { readOverview } from './overview.server'
import { makeReceipt, readReceiptPage, requestReceipt } from './receipt.server'
import type { Report } from './receipt-view'
import { exportCosts, readReport } from './report.server'

const slug = 'test-workshop'
const hour = 3_600_000
const workshop = (change = {}) =>
  makeWorkshop({
    claimsCloseAt: new Date(Date.now() + hour),
    keyExpiresAt: new Date(Date.now() + 2 * hour),
    marketingOptIn: 'Tell me',
    poolLimit: usd(10),
    maxKeys: 5,
    ...change,
  })

async function claimAndUse(world: World, spends: number[]) {
  const people = await world.people(spends.length)
  for (const [index, person] of people.entries())
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: index === 0 })
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
  for (const [index, person] of people.entries()) {
    const claim = await world.db.workshopAttendance.findFirstOrThrow({
      where: { userId: person.userId },
    })
    if (spends[index])
      await world.call('/__sim/spend', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ hash: claim.orKeyHash, usd: spends[index] }),
      })
  }
  await readAll(world)
}

async function reportOf(world: World) {
  const report = await readReport(world.ctx, slug)
  if (!report) throw new Error('the workshop has a report')
  return report
}

const lineOf = async (world: World) =>
  (await readOverview(world.ctx)).workshops.find((one) => one.slug === slug)

/** The three sums of the report are those of the overview, to the cent and to the nano-dollar. */
async function expectSameSums(world: World) {
  const [report, line] = await Promise.all([reportOf(world), lineOf(world)])
  expect({
    spent: moneyViewOfDecimal(report.spentUsd),
    maySpend: moneyViewOfDecimal(report.maySpendUsd),
    left: report.leftUsd && moneyViewOfDecimal(report.leftUsd),
  }).toEqual({
    spent: line?.money.spent,
    maySpend: line?.money.maySpend,
    left: line?.money.left,
  })
  const sum = report.people.amounts.reduce((total, one) => total + nanoFromDecimalString(one), 0n)
  expect(sum, 'what the people cost is what was spent').toBe(nanoFromDecimalString(report.spentUsd))
}

test('while keys live it says how many may still spend and until when; its sums are those of every page', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [0.25, 1.5, 0])
  await expectSameSums(world)
  const report = await reportOf(world)
  expect(report).toMatchObject({
    kind: 'workshop',
    spentUsd: '1.750000000',
    leftUsd: '4.000000000',
    live: { keys: 3 },
    people: { withKey: 3, medianUsd: '0.250000000', p90Usd: '1.500000000', maxUsd: '1.500000000' },
    cameBackUsd: '0.000000000',
    seats: { taken: 3, max: 5 },
    optIns: 1,
    months: null,
  })
  expect(settlingMessage(reportView(report), '18:00 UTC')).toBe(
    '3 keys may still spend until 18:00 UTC.',
  )
  expect(report.timeToKey?.p50).toBeGreaterThan(0)
  expect(report.timeToKey?.p95).toBeGreaterThanOrEqual(report.timeToKey?.p50 ?? 0)
})

test('after the end what nobody used came back, first unsettled and then final, and the receipt keeps it', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [0.25, 1.5, 0])
  await travel(world, 3 * hour)
  await sweep(world.ctx)
  expect(settlingMessage(reportView(await reportOf(world)), null)).toBe(
    'The final usage of 3 keys is not read yet; it takes a few minutes.',
  )
  await letSettle(world)
  await expectSameSums(world)
  const settled = await reportOf(world)
  expect(settled).toMatchObject({
    maySpendUsd: '0.000000000',
    leftUsd: '0.000000000',
    live: { keys: 0, until: null },
    unsettled: 0,
    cameBackUsd: '4.250000000',
  })
  expect(settlingMessage(reportView(settled), null)).toBeNull()
  await travel(world, 48 * hour)
  await requestReceipt(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })
  expect(await makeReceipt(world.ctx, slug)).toEqual({ kind: 'done' })
  await recordTurnedAway(world.ctx, slug, 'closed')
  const page = await readReceiptPage(world.ctx, slug)
  expect(page?.report).toEqual(page?.receipt?.body.report)
  expect(page?.report?.turnedAway).toEqual([])
  expect(page?.report?.cameBackUsd).toBe('4.250000000')
})

test('people who were turned away are counted by reason over the whole life, folded or not', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  for (const reason of ['full', 'full', 'banned']) await recordTurnedAway(world.ctx, slug, reason)
  await foldCounters(world.ctx)
  await recordTurnedAway(world.ctx, slug, 'full')
  await recordTurnedAway(world.ctx, 'another-workshop', 'full')
  expect((await reportOf(world)).turnedAway).toEqual([
    { reason: 'full', count: 3 },
    { reason: 'banned', count: 1 },
  ])
})

test('nobody came: nothing is added up, and nothing breaks', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  const report = await reportOf(world)
  expect(report).toMatchObject({
    spentUsd: '0.000000000',
    people: { withKey: 0, medianUsd: null, p90Usd: null, maxUsd: null, amounts: [] },
    timeToKey: null,
    spending: { points: [] },
  })
  const view = reportView(report)
  expect(view.people.chart).toMatchObject({ empty: true, sentence: 'Nobody has spent anything.' })
  expect(view.spending).toMatchObject({ empty: true, sentence: 'No usage was read.' })
  expect(await readReport(world.ctx, 'no-such-workshop')).toBeNull()
})

test('a giveaway is told by month: claims, keys, and what the last samples of the months differ by', async () => {
  await using world = await openWorld({
    workshops: [workshop({ kind: 'giveaway', keyExpiresAt: null, keyExpiresInMs: hour })],
    maxTotalKeys: 100,
  })
  await world.db.$executeRaw`
    insert into keymint.figure_steps (scope, width, starts_at, facet, n) values
      (${slug}, 10800, '2026-01-31T21:00:00Z', 'claims', 4), (${slug}, 10800, '2026-01-31T21:00:00Z', 'keys', 3),
      (${slug}, 60, '2026-01-31T21:05:00Z', 'claims', 4), (${slug}, 10800, '2026-02-01T00:00:00Z', 'claims', 2),
      ('another', 10800, '2026-02-01T00:00:00Z', 'claims', 9)`
  await world.db.$executeRaw`
    insert into keymint.usage_samples (scope, sampled_at, usage_usd, live_keys, active_keys) values
      (${slug}, '2026-01-31T22:00:00Z', 0.5, 1, 1), (${slug}, '2026-01-31T23:59:59Z', 1.25, 1, 1),
      (${slug}, '2026-03-02T00:00:00Z', 3, 1, 1)`
  expect((await reportOf(world)).months).toEqual([
    { month: '2026-01', claims: 4, keys: 3, spentUsd: '1.250000000' },
    { month: '2026-02', claims: 2, keys: 0, spentUsd: null },
    { month: '2026-03', claims: 0, keys: 0, spentUsd: '1.750000000' },
  ])
})

test('the file of costs has a line for each person with a key and no name, and is audited', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [0.25, 1.5, 0])
  expect(await exportCosts(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })).toEqual([
    [1, '1.500000000', '2.000000000', 1, 'no'],
    [2, '0.250000000', '2.000000000', 1, 'no'],
    [3, '0.000000000', '2.000000000', 1, 'no'],
  ])
  expect(
    await world.db.auditEvent.findFirst({ where: { action: 'receipt.exported' } }),
  ).toMatchObject({ actor: 'user:github:1', subject: `workshop:${slug}` })
})

test('the pictures are drawn from the amounts, and say the same in a sentence', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [0.25, 1.5, 0])
  const { spending, people } = reportView(await reportOf(world))
  expect(spending.sentence).toMatch(/^\$1\.75 in all; the last of it was spent before .* UTC\.$/)
  expect(spending.lines[0]?.path).toMatch(/^M/)
  expect(people.chart.sentence).toBe(
    '2 people of 3 spent something; the tenth that cost most used 86 % of it.',
  )
  expect(people.chart.lines[0]?.path.match(/M/g)).toHaveLength(2)
  expect(people.chart.table.rows).toEqual([
    ['1', '$1.50'],
    ['2', '$0.25'],
    ['3', '$0.00'],
  ])
})

test('a picture of the first says so, and its sentence is about all', () => {
  const people = {
    withKey: 3_000,
    medianUsd: '1.000000000',
    p90Usd: '1.000000000',
    maxUsd: '1.000000000',
    amounts: Array.from({ length: 2_000 }, () => '1.000000000'),
  }
  const at = '2026-11-01T00:00:00.000Z'
  const report: Report = {
    kind: 'workshop',
    spentUsd: '2500.000000000',
    maySpendUsd: '0.000000000',
    leftUsd: null,
    live: { keys: 0, until: null },
    unsettled: 0,
    spending: { from: at, to: at, stepSeconds: 60, points: [] },
    people,
    cameBackUsd: '0.000000000',
    seats: { taken: 3_000, max: null },
    turnedAway: [],
    optIns: 0,
    timeToKey: null,
    months: null,
  }
  const all = { users: 2_500, spentUsd: '2500.000000000', topTenthUsd: '300.000000000' }
  expect(reportView({ ...report, people: { ...people, all } }).people.chart.sentence).toBe(
    '2,500 people of 3,000 spent something; the tenth that cost most used 12 % of it. ' +
      'The chart shows the 2,000 who cost most.',
  )
  expect(reportView(report).people.chart.sentence, 'of a receipt from before').toBe(
    'Of the 2,000 of 3,000 who cost most: 2,000 people of 2,000 spent something; ' +
      'the tenth that cost most used 10 % of it.',
  )
})
