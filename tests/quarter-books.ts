/** Whether every view of a team's month, both files, the audit trail and the services say the same. */
import { expect } from 'vitest'
import type { MoneyView } from '~/domain/money-view'
import { monthOf, nextMonth, type Month } from '~/domain/money/month'
import {
  exportLedger,
  exportSpending,
  ledgerFields,
  spendingFields,
} from '~/domain/team/books.server'
import { listTeamAudit, type TeamAuditRow } from '~/domain/team/audit-view.server'
import { listCorrections } from '~/domain/team/correct-usage.server'
import { readMonth } from '~/domain/team/months.server'
import { listMemberTotals } from '~/domain/team/team-view.server'
import { nanoFromDecimalString } from '~/money'
import { checkLedger } from './ledger-check'
import type { Quarter } from './quarter'

/** Exact: no amount here has more than fifteen digits. */
const nanoOf = ({ usd }: MoneyView) => BigInt(Math.round(usd * 1e9))
const all = (amounts: bigint[]) => amounts.reduce((sum, nano) => sum + nano, 0n)

/** Sums by a name; what comes to nothing is left out. */
function sums<Row>(rows: Row[], nameOf: (row: Row) => string, nano: (row: Row) => bigint) {
  const found: Record<string, bigint> = {}
  for (const row of rows) found[nameOf(row)] = (found[nameOf(row)] ?? 0n) + nano(row)
  return Object.fromEntries(Object.entries(found).filter(([, sum]) => sum !== 0n))
}

/** The rows of a file by the names of its columns. */
async function rowsOf<Field extends string>(
  fields: readonly Field[],
  rows: AsyncIterable<(string | null)[]>,
): Promise<Record<Field, string>[]> {
  const read: Record<Field, string>[] = []
  for await (const cells of rows) {
    expect(cells).toHaveLength(fields.length)
    const named = fields.map((field, index) => [field, cells[index] ?? ''])
    read.push(Object.fromEntries(named) as Record<Field, string>)
  }
  return read
}

/** Asks everything that tells a month, and expects one story, the test's own. */
export async function expectOneStory(quarter: Quarter, month: Month): Promise<void> {
  const { ctx, teamId, slug, ids } = quarter
  await checkLedger(quarter)
  const scope = { teamId, userId: null, keysOf: null }
  const exporting = { ...scope, slug, month, actorUserId: ids.Fay }
  const view = await readMonth(ctx, scope, month)
  const spending = await rowsOf(spendingFields, exportSpending(ctx, exporting))
  const ledger = await rowsOf(ledgerFields, exportLedger(ctx, exporting))
  const audit = await readAudit(quarter)
  const own = quarter.booked.filter((one) => one.month === month)
  const usage = own.filter(({ kind }) => kind === 'usage')
  const nameOf = (userId: string) =>
    Object.entries(ids).find(([, id]) => id === userId)?.[0] ?? userId
  const nano = (row: { nano: bigint }) => row.nano
  const spent = (row: { spent: MoneyView }) => nanoOf(row.spent)
  const cell = (row: { spent_usd: string }) => nanoFromDecimalString(row.spent_usd)
  const posted = ledger.map((row) => ({
    ...row,
    nano: ofAccount(row, 'spent'),
    // What is posted for another month than its own stands on that month's nearest day.
    day: [`${month.slice(0, 8)}01`, row.at_utc.slice(0, 10), lastDayOf(month)].sort()[1]!,
  }))

  const total = all(own.map(nano))
  expect(nanoOf(view.total), 'the page').toBe(total)
  expect(all(spending.map(cell)), 'spending.csv').toBe(total)
  expect(all(posted.map(nano)), 'ledger.csv').toBe(total)

  const counted = Object.values(quarter.services)
    .flatMap((service) => [...service.keys.values()].flatMap(({ spends }) => spends))
    .filter(({ at }) => monthOf(new Date(at)) === month)
  expect(all(usage.map(nano)), 'the services').toBe(all(counted.map(({ amount }) => amount)))

  const byMember = sums(own, ({ userId }) => nameOf(userId), nano)
  expect(sums(view.members, ({ name }) => name, spent)).toEqual(byMember)
  expect(sums(spending, ({ member }) => member, cell)).toEqual(byMember)
  expect(sums(posted, ({ member }) => member, nano)).toEqual(byMember)

  const byKey = sums(own, ({ keyId, userId }) => `${keyId} of ${nameOf(userId)}`, nano)
  expect(sums(view.keys, ({ id, holder }) => `${id} of ${holder}`, spent)).toEqual(byKey)
  expect(sums(spending, (row) => `${row.key_id} of ${row.member}`, cell)).toEqual(byKey)
  expect(sums(posted, (row) => `${row.key_id} of ${row.member}`, nano)).toEqual(byKey)

  const byService = sums(own, ({ service }) => service, nano)
  expect(sums(view.services, ({ service }) => service, spent)).toEqual(byService)
  expect(sums(spending, ({ service }) => service, cell)).toEqual(byService)

  const byDay = sums(own, ({ day, kind }) => `${day} ${kind}`, nano)
  const kindOf = ({ kind }: { kind: string }) =>
    kind.startsWith('correct') ? 'correction' : 'usage'
  expect(sums(spending, (row) => `${row.day_utc} ${row.kind}`, cell)).toEqual(byDay)
  expect(sums(posted, (row) => `${row.day} ${kindOf(row)}`, nano)).toEqual(byDay)
  expect(sums(view.days, ({ day }) => day, spent)).toEqual(sums(usage, ({ day }) => day, nano))

  // Corrections: the page, its list and the audit trail.
  const corrected = total - all(usage.map(nano))
  expect(view.corrected ? nanoOf(view.corrected) : 0n).toBe(corrected)
  const listed = await listCorrections(ctx, teamId, month, null)
  expect(all(listed.map(({ amount }) => nanoOf(amount)))).toBe(corrected)
  const told = audit.filter(
    ({ action, of }) => action === 'sub-key.usage-corrected' && of.month === month,
  )
  expect(
    all(
      told.map(({ of }) => nanoFromDecimalString(of.toUsd!) - nanoFromDecimalString(of.fromUsd!)),
    ),
  ).toBe(corrected)

  // Budgets: the ledger's accounts, the page, and for who stays what the audit trail tells.
  for (const account of ['allocated', 'committed'] as const)
    expect(
      sums(
        ledger,
        ({ member }) => member,
        (row) => ofAccount(row, account),
      ),
      account,
    ).toEqual(
      sums(
        view.members,
        ({ name }) => name,
        (row) => nanoOf(row[account]),
      ),
    )
  for (const { name, gone, allocated } of view.members)
    if (!gone) expect(nanoOf(allocated), `${name}'s budget`).toBe(budgetOf(audit, name, month))

  if (month === monthOf(ctx.now())) await expectPresentTotals(quarter, byMember)
}

/** The page of members, and who has left beside it. */
async function expectPresentTotals(
  { ctx, teamId, ids, db }: Quarter,
  byMember: Record<string, bigint>,
): Promise<void> {
  const { members, sum } = await listMemberTotals(ctx, teamId)
  expect(nanoOf(sum.spent)).toBe(all(Object.values(byMember)))
  expect(nanoOf(sum.allocated)).toBe(nanoOf(sum.spent) + nanoOf(sum.committed) + nanoOf(sum.free))
  const gone = await db.teamMember.findMany({ where: { teamId, state: 'removed' } })
  const left = Object.entries(ids).filter(([, id]) => gone.some(({ userId }) => userId === id))
  const present = sums(
    members,
    ({ name }) => name,
    ({ spent }) => nanoOf(spent),
  )
  for (const [name] of left) expect(present).not.toHaveProperty(name)
  const beside = left.map(([name]) => [name, byMember[name] ?? 0n] as const)
  expect({ ...present, ...Object.fromEntries(beside.filter(([, nano]) => nano !== 0n)) }).toEqual(
    byMember,
  )
}

/** What a posting moves into an account of its member, less what it takes out. */
function ofAccount(
  row: { from_account: string; to_account: string; amount_usd: string },
  account: 'spent' | 'committed' | 'allocated',
): bigint {
  const amount = nanoFromDecimalString(row.amount_usd)
  // What is allocated is what has left the account outside every budget.
  const [into, out] =
    account === 'allocated'
      ? [row.from_account === 'unallocated', row.to_account === 'unallocated']
      : [row.to_account === account, row.from_account === account]
  return (into ? amount : 0n) - (out ? amount : 0n)
}

type Told = Omit<TeamAuditRow, 'details'> & { of: Partial<Record<string, string>> }

/** The whole audit trail of the team, oldest first, by its pages. */
export async function readAudit({ ctx, slug }: Quarter): Promise<Told[]> {
  const rows: TeamAuditRow[] = []
  for (let before: string | null = null; ;) {
    const page = await listTeamAudit(ctx, slug, { about: null, by: null, before })
    rows.push(...page.rows)
    before = page.older
    if (before === null) break
  }
  expect(new Set(rows.map(({ id }) => id)).size, 'no event twice').toBe(rows.length)
  return rows.reverse().map(({ details, ...row }) => ({ ...row, of: Object.fromEntries(details) }))
}

/** What somebody may use in a month, by the events alone: the last budget that counts, and what is on top. */
function budgetOf(audit: Told[], name: string, month: Month): bigint {
  const own = audit.filter(({ subject }) => subject === name)
  const budgets = own.filter(({ action, of }) => action === 'budget.set' && of.month! <= month)
  const latest = budgets
    .map(({ of }) => of.month!)
    .sort()
    .at(-1)
  const budget = budgets.filter(({ of }) => of.month === latest).at(-1)
  const topUp = own.filter(({ action, of }) => action === 'budget.topped-up' && of.month === month)
  return (
    nanoFromDecimalString(budget?.of.toUsd ?? '0') +
    nanoFromDecimalString(topUp.at(-1)?.of.toUsd ?? '0')
  )
}

/** Key by key over all months, what the services themselves have counted is in the books. */
export async function expectServicesAgree(quarter: Quarter, months: Month[]): Promise<void> {
  const { ctx, db, teamId, services, booked } = quarter
  const books: Record<string, bigint> = {}
  let corrected = 0n
  for (const month of months) {
    const view = await readMonth(ctx, { teamId, userId: null, keysOf: null }, month)
    corrected += view.corrected ? nanoOf(view.corrected) : 0n
    for (const { id, spent } of view.keys) books[id] = (books[id] ?? 0n) + nanoOf(spent)
  }
  const corrections = booked.filter(({ kind }) => kind === 'correction')
  expect(corrected).toBe(all(corrections.map(({ nano }) => nano)))
  for (const { keyId, nano } of corrections) books[keyId] = (books[keyId] ?? 0n) - nano
  const rows = await db.key.findMany({ where: { holderKind: 'sub-key', hash: { not: null } } })
  const keys = await db.apiKey.findMany({ where: { teamId } })
  const counted = sums(
    rows,
    ({ holderId }) => holderId,
    ({ holderId, hash }) => {
      const { service } = keys.find(({ id }) => id === holderId)!
      return services[service as keyof typeof services].keys.get(hash!)?.usage ?? 0n
    },
  )
  expect(books).toEqual(counted)
  const held = Object.values(services).flatMap((service) => [...service.keys.values()])
  expect(all(held.map(({ usage }) => usage))).toBe(all(Object.values(books)))
}

const lastDayOf = (month: Month) =>
  new Date(Date.parse(`${nextMonth(month)}T00:00:00Z`) - 1).toISOString().slice(0, 10)
