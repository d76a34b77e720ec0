/**
 * A quarter of a team of twelve, day by day: who joins and leaves, what they may spend, and their
 * keys. At the end of each month the pages, both files, the audit trail and the services tell one
 * story, to the nano-dollar. A CI has a key of the team's, which outlives its maker. Nobody joins by
 * domain (decision 043).
 */
import { expect, test } from 'vitest'
import { expectOneStory, expectServicesAgree, readAudit } from '../../../tests/quarter-books'
import { openQuarter, type Name, type Quarter } from '../../../tests/quarter'
import { usd } from '../../../tests/world'
import { decideRequest, requestMore } from '../money/budget-requests.server'
import { setTable } from '../money/budget-table.server'
import { budgetVersion, rollMonths, setBudget } from '../money/budgets.server'
import { monthOf } from '../money/month'
import { setTopUp } from '../money/top-ups.server'
import { setAutomaticApproval } from './automatic-approval.server'
import { handOverKeys } from './hand-over.server'
import { deleteSubKey } from './sub-key.server'
import { setCeiling } from './team-ceiling.server'
import { setDefaultBudget } from './team-defaults.server'
import { listMembers, listOpenRequests } from './team-view.server'
import { removeMember, setRole } from './team.server'

const [october, november, december] = ['2026-10-01', '2026-11-01', '2026-12-01'] as const
type Keys = Record<
  'ann' | 'annMonthly' | 'ben' | 'cleo' | 'dan' | 'fay' | 'gus' | 'eve' | 'hal' | 'ci',
  string
>

test(
  'a quarter of a team: pages, files, audit trail and services tell one story, month by month',
  { timeout: 180_000 },
  async () => {
    await using quarter = await openQuarter()
    await beginTeam(quarter)
    const keys = await playOctober(quarter)
    await expectOneStory(quarter, october)
    await playNovember(quarter, keys)
    for (const month of [october, november]) await expectOneStory(quarter, month)
    await playDecember(quarter, keys)
    for (const month of [october, november, december]) await expectOneStory(quarter, month)

    // The quarter is over, every key has ended and is read for the last time.
    await quarter.at('2027-01-01T00:10:00')
    await rollMonths(quarter.ctx)
    await endAllKeys(quarter)
    for (const month of [october, november, december]) await expectOneStory(quarter, month)
    await expectServicesAgree(quarter, [october, november, december])
    await expectNothingLeft(quarter)
    await expectAuditTells(quarter)
  },
)

/** The owner's settings, and everybody joins: nine by the default budget, one with another one. */
async function beginTeam(quarter: Quarter): Promise<void> {
  const { ctx, teamId, slug, ownerId } = quarter
  const setting = { teamId, slug, actorUserId: ownerId }
  await setDefaultBudget(ctx, { ...setting, budget: usd(100), was: null })
  expect(await setCeiling(ctx, { ...setting, ceiling: usd(600), was: null })).toBe('set')
  const rule = { perRequest: usd(20), perMonth: usd(30) }
  expect(await setAutomaticApproval(ctx, { ...setting, rule, was: null })).toBe('set')
  await quarter.join('Fay', { role: 'finance' })
  for (const name of quarter.memberNames)
    await quarter.join(name, name === 'Kim' ? { budget: usd(250.5) } : {})
  const members = await listMembers(ctx, teamId)
  expect(members).toHaveLength(12)
  const begins = Object.fromEntries(members.map(({ name, monthly }) => [name, monthly.usd]))
  expect(begins).toMatchObject({ Olga: 0, Fay: 100, Ann: 100, Jo: 100, Kim: 250.5 })
}

/** Keys at both services, and requests: one with another amount, one at once, one that waits. */
async function playOctober(quarter: Quarter): Promise<Keys> {
  // Kim, an owner for a while, makes the service account and its key.
  const asOwner = await setRole(quarter.ctx, quarter.refOf('Kim'), 'owner', quarter.ownerId, 'CI')
  expect(asOwner).toEqual({ kind: 'done' })
  await quarter.makeCi('Kim', usd(45))
  const keys: Keys = {
    ci: await quarter.make('CI', { cap: 30, reset: 'monthly', by: 'Kim' }),
    ann: await quarter.make('Ann', { cap: 40 }),
    annMonthly: await quarter.make('Ann', { cap: 30, reset: 'monthly', service: 'second' }),
    ben: await quarter.make('Ben', { cap: 25.000000007, reset: 'monthly' }),
    cleo: await quarter.make('Cleo', { cap: 60, service: 'second' }),
    dan: await quarter.make('Dan', { cap: 50, reset: 'monthly' }),
    fay: await quarter.make('Fay', { cap: 10, reset: 'monthly' }),
    gus: await quarter.make('Gus', { cap: 30, days: 75, service: 'second' }),
    eve: await quarter.make('Eve', { cap: 20 }),
    hal: await quarter.make('Hal', { cap: 35, reset: 'monthly', service: 'second' }),
  }
  await quarter.at('2026-10-02T12:00:00')
  await quarter.use(keys.ann, 3_141_592_653n)
  await quarter.use(keys.cleo, 12_000_000_001n)
  await quarter.at('2026-10-09T18:30:00')
  await quarter.use(keys.ann, 999_999_999n)
  await quarter.use(keys.ben, 25_000_000_007n)
  await quarter.use(keys.annMonthly, 7_700_000_003n)
  await quarter.use(keys.ci, 11_000_000_011n)

  await quarter.at('2026-10-12T08:00:00')
  await decide(quarter, 'Jo', { more: 50, amount: 30 })
  expect(await ask(quarter, 'Ida', 15)).toBe('granted')
  // Above what is approved at once in a month: a person decides, and it counts in this month alone.
  expect(await ask(quarter, 'Ida', 16)).toBe('asked')
  await decide(quarter, 'Ida', { amount: 16, once: true })

  await quarter.at('2026-10-20T10:00:00')
  await quarter.use(keys.dan, 20_000_000_000n)
  await quarter.use(keys.fay, 1n)
  await quarter.use(keys.eve, 5_500_000_000n)
  const gone = await quarter.make('Ida', { cap: 110 })
  await quarter.use(gone, 101_250_000_009n)
  const { teamId, ids } = quarter
  await deleteSubKey(quarter.ctx, { teamId, keyId: gone, userId: ids.Ida }, 'done')
  await quarter.letSettle()

  await quarter.at('2026-10-31T22:00:00')
  await quarter.use(keys.hal, 35_000_000_000n)
  return keys
}

/** October's last uses are read in November; a table, a top-up, a replacement, and Ann leaves. */
async function playNovember(quarter: Quarter, keys: Keys): Promise<void> {
  const { ctx, teamId, ids, ownerId } = quarter
  await quarter.at('2026-10-31T23:59:40')
  // The services tell the months apart, so both count where they were spent: on October's last day.
  const later = { month: october, day: '2026-10-31' }
  await quarter.use(keys.dan, 4_000_000_004n, { later })
  await quarter.use(keys.cleo, 2_000_000_002n, { later })
  await quarter.at('2026-11-01T00:00:30')
  await rollMonths(ctx)
  await quarter.read()
  await quarter.letSettle()
  await expectOneStory(quarter, october)

  await quarter.at('2026-11-03T09:00:00')
  await setTableOf(quarter, ['Ben', 'Cleo', 'Dan', 'Hal', 'CI'], 120)
  const top = { amount: usd(44.4), reason: 'a demo', month: november, was: 0n }
  expect(await setTopUp(ctx, quarter.refOf('Eve'), top, ids.Fay)).toEqual({ kind: 'set' })
  const planned = { budget: usd(70), effective: 'next-month', reason: 'a plan' } as const
  await setBudget(ctx, quarter.refOf('Eve'), planned, ids.Fay)

  await quarter.at('2026-11-05T15:00:00')
  await quarter.use(keys.ben, 10_000_000_000n)
  await quarter.replace('Ben', keys.ben, 4)
  await quarter.use(keys.ben, 2_000_000_001n, { generation: 1 })
  await quarter.use(keys.ben, 3_000_000_002n)
  await quarter.moveClock(5 * 3_600_000)
  await quarter.letSettle()
  await quarter.use(keys.ben, 8_000_000_000n)

  // Kim is removed: the key that Kim made goes on, and another owner replaces it with an overlap.
  await quarter.at('2026-11-07T11:00:00')
  await quarter.use(keys.ci, 4_000_000_004n)
  const gone = await removeMember(ctx, quarter.refOf('Kim'), ownerId, 'left')
  expect(gone).toEqual({ kind: 'done' })
  await quarter.letSettle()
  await quarter.use(keys.ci, 2_000_000_002n)
  await quarter.replace('Olga', keys.ci, 2)
  await quarter.use(keys.ci, 1_000_000_001n, { generation: 1 })
  await quarter.moveClock(3 * 3_600_000)
  await quarter.letSettle()
  await quarter.use(keys.ci, 3_000_000_003n)

  // Ann leaves: one key goes on in Ben's hands, the other one ends with her.
  await quarter.at('2026-11-10T11:00:00')
  await quarter.use(keys.annMonthly, 6_000_000_005n)
  await quarter.use(keys.ann, 1_000_000_000n)
  const handed = { teamId, actorUserId: ownerId, from: ids.Ann, to: ids.Ben, reason: 'Ann leaves' }
  expect(await handOverKeys(ctx, { ...handed, keyId: keys.annMonthly })).toEqual({
    kind: 'handed',
    count: 1,
  })
  const left = await removeMember(ctx, quarter.refOf('Ann'), ids.Ann, 'another job')
  expect(left).toEqual({ kind: 'done' })
  await quarter.letSettle()
  await quarter.at('2026-11-18T11:00:00')
  await quarter.use(keys.annMonthly, 9_000_000_006n)
  await quarter.use(keys.eve, 4_321_000_000n)

  // The invoice of October: less for Cleo's key, and for Ann's, who has left.
  const less = { ...later, nano: -1_500_000_003n }
  await quarter.correct('Fay', { keyId: keys.cleo, ...less })
  await quarter.correct('Olga', { ...less, keyId: keys.ann, nano: -999_999_999n })
  await quarter.correct('Fay', { ...less, keyId: keys.ci, nano: -1_000_000_001n })
  await quarter.at('2026-11-30T23:00:00')
  await quarter.use(keys.gus, 11_000_000_011n)
}

/** Dan is removed with his key, the key of Gus ends by its time, and a correction in the other direction. */
async function playDecember(quarter: Quarter, keys: Keys): Promise<void> {
  const { ctx, ownerId } = quarter
  await quarter.at('2026-12-01T00:05:00')
  await rollMonths(ctx)
  await quarter.read()
  await quarter.letSettle()
  await expectOneStory(quarter, november)
  await quarter.at('2026-12-04T10:00:00')
  await quarter.use(keys.ben, 25_000_000_007n)
  await quarter.use(keys.annMonthly, 30_000_000_000n)
  await quarter.use(keys.dan, 13_000_000_013n)
  await quarter.use(keys.ci, 29_999_999_999n)
  const removed = await removeMember(ctx, quarter.refOf('Dan'), ownerId, 'left')
  expect(removed).toEqual({ kind: 'done' })
  await quarter.letSettle()
  await quarter.correct('Fay', {
    keyId: keys.gus,
    month: november,
    day: '2026-11-30',
    nano: 2_000_000_009n,
  })
  await quarter.at('2026-12-14T10:00:00')
  await quarter.use(keys.gus, 5_000_000_000n)
  await quarter.at('2026-12-16T10:00:00')
  await quarter.letSettle()
  expect(await quarter.row(keys.gus)).toMatchObject({ state: 'ended', reason: 'expired' })
  await quarter.at('2026-12-31T23:30:00')
  await quarter.use(keys.hal, 17_000_000_000n)
}

/** Asks for more. Returns what became of it. */
async function ask(quarter: Quarter, name: Name, more: number): Promise<string> {
  const asked = await requestMore(quarter.ctx, quarter.refOf(name), {
    more: usd(more),
    reason: 'a longer job',
  })
  return asked.kind
}

/** Finance approves the open request, or one that is asked first, with this amount. */
async function decide(
  quarter: Quarter,
  name: Name,
  wish: { more?: number; amount: number; once?: boolean },
): Promise<void> {
  const { ctx, teamId, ids } = quarter
  if (wish.more !== undefined) expect(await ask(quarter, name, wish.more)).toBe('asked')
  const [open] = await listOpenRequests(ctx, teamId)
  expect(open?.userId).toBe(ids[name])
  const decided = await decideRequest(ctx, {
    teamId,
    requestId: open!.id,
    actorUserId: ids.Fay,
    decision: 'approved',
    reason: 'as far as it goes',
    amount: usd(wish.amount),
    once: wish.once ?? false,
    month: monthOf(ctx.now()),
  })
  expect(decided).toEqual({ kind: 'approved' })
}

async function setTableOf(quarter: Quarter, names: Name[], budget: number): Promise<void> {
  const { ctx, teamId, ids } = quarter
  const members = await listMembers(ctx, teamId)
  const rows = names.map((name) => {
    const { userId, monthly, next } = members.find((one) => one.name === name)!
    return { userId, budget: usd(budget), was: budgetVersion(monthly, next) }
  })
  const table = { teamId, actorUserId: ids.Fay, effective: 'now' as const, rows }
  const change = { month: monthOf(ctx.now()), reason: 'more work' }
  expect(await setTable(ctx, table, change)).toEqual({ kind: 'set', changed: names.length })
}

async function endAllKeys(quarter: Quarter): Promise<void> {
  const { ctx, db, teamId, ownerId } = quarter
  for (const { id } of await db.apiKey.findMany({ where: { teamId, state: 'ready' } }))
    await deleteSubKey(ctx, { teamId, keyId: id, userId: ownerId }, 'the end of the year')
  await quarter.letSettle()
}

/** No key can be used any more, and none has money set aside. */
async function expectNothingLeft({ db, services }: Quarter): Promise<void> {
  const held = await db.budgetMonth.findMany({ where: { committedUsd: { not: 0 } } })
  expect(held).toEqual([])
  for (const service of Object.values(services))
    for (const key of service.keys.values()) expect(service.left(key), key.name).toBe(0n)
}

/** What happened, in the trail as often as it happened. */
async function expectAuditTells(quarter: Quarter): Promise<void> {
  const count: Record<string, number> = {}
  const audit = await readAudit(quarter)
  for (const { action } of audit) count[action] = (count[action] ?? 0) + 1
  const forCi = audit.filter(({ of }) => of.for === 'CI')
  const asked = forCi.filter(({ action }) => /asked|rotated|deleted|revoked/.test(action))
  expect(asked.map(({ actor, action }) => [actor, action])).toEqual([
    ['Kim', 'sub-key.asked'],
    ['Olga', 'sub-key.rotated'],
    ['Olga', 'sub-key.revoked'],
  ])
  expect(count).toMatchObject({
    'member.joined': 11,
    'member.left': 1,
    'member.removed': 2,
    'member.service-made': 1,
    'budget.asked': 3,
    'budget.request-granted': 1,
    'budget.request-approved': 2,
    'budget.topped-up': 3,
    'sub-key.asked': 11,
    'sub-key.rotated': 2,
    'sub-key.handed-over': 1,
    'sub-key.usage-corrected': 4,
    'sub-key.expired': 1,
    'team.ceiling-set': 1,
    'team.automatic-approval-set': 1,
    'team.default-budget-set': 1,
  })
}
