/**
 * The books of any month: who has left and keys that have ended stay in the sums, every view and
 * both files say the same total, and a member sees nobody else's.
 */
import { expect, test } from 'vitest'
import { balance, made, oneMember, ref, use } from '../../../tests/ledger'
import type { TeamWorld } from '../../../tests/team'
import { rollMonths } from '../money/budgets.server'
import { nanoFromDecimalString } from '~/money'
import { exportLedger, exportSpending, ledgerFields, listPostings } from './books.server'
import { listMonths, readMonth } from './months.server'
import { deleteSubKey } from './sub-key.server'
import { readSpending } from './spending.server'
import { removeMember } from './team.server'

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const read: Row[] = []
  for await (const row of rows) read.push(row)
  return read
}

const november = '2026-11-01'
const everybody = (world: TeamWorld) => ({ teamId: world.teamId, userId: null, keysOf: null })
const exporting = (world: TeamWorld, userId: string | null = null, month = november) => ({
  teamId: world.teamId,
  slug: world.slug,
  userId,
  keysOf: userId,
  month,
  actorUserId: world.ownerId,
})

/** November: 7.5 spent by a key that is deleted, 2 by one whose member is removed; then December. */
async function afterNovember(): Promise<TeamWorld> {
  const world = await oneMember(100)
  const first = await made(world, { cap: 20 })
  await use(world, first, 7.5)
  await deleteSubKey(world.ctx, { ...ref(world), keyId: first }, 'done')
  await use(world, await made(world, { cap: 10 }), 2)
  await removeMember(world.ctx, ref(world), world.ownerId, 'left')
  await world.setClock(new Date('2026-12-01T09:00:00Z'))
  await rollMonths(world.ctx)
  await world.letSettle()
  return world
}

test('a month that is over keeps who has left and what has ended, and all sums agree', async () => {
  await using world = await afterNovember()
  const { spent } = await balance(world, november)
  expect(spent).toBe(9.5)
  expect(await listMonths(world.ctx, everybody(world))).toEqual(['2026-12-01', november])
  const view = await readMonth(world.ctx, everybody(world), november)
  expect(view).toMatchObject({ isOver: true, total: { usd: spent } })
  const sum = (rows: { spent: { usd: number } }[]) =>
    rows.reduce((all, row) => all + row.spent.usd, 0)
  for (const rows of [view.days, view.members, view.services, view.keys])
    expect(sum(rows)).toBe(spent)
  expect(view.days).toHaveLength(30)
  expect(view.members[0]).toMatchObject({ userId: ref(world).userId, gone: true })
  expect(view.keys.map(({ ended }) => ended)).toEqual([true, true])
})

test('what is read after the month counts on its last day', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30, reset: 'monthly' })
  await world.setClock(new Date('2026-11-30T23:59:30Z'))
  const { keyHash } = await world.db.apiKey.findUniqueOrThrow({ where: { id: key } })
  world.service.use(keyHash!, 4_000_000_000n)
  await world.setClock(new Date('2026-12-01T00:00:30Z'))
  await world.read()
  const view = await readMonth(world.ctx, everybody(world), november)
  expect(view.days.at(-1)).toMatchObject({ day: '2026-11-30', spent: { usd: 4 } })
  const rows = await all(exportSpending(world.ctx, exporting(world)))
  expect(rows.map((cells) => [cells[0], cells.at(-1)])).toEqual([['2026-11-30', '4.000000000']])
  // The overview of December has no day for it, and says where it is.
  const december = await readSpending(world.ctx, { teamId: world.teamId, userId: null })
  expect(december).toMatchObject({
    total: { usd: 0 },
    late: { month: november, spent: { usd: 4 } },
  })
  await use(world, key, 1)
  expect(await readSpending(world.ctx, { teamId: world.teamId, userId: null })).toMatchObject({
    total: { usd: 1 },
    days: [{ day: '2026-12-01', spent: { usd: 1 } }],
    late: { spent: { usd: 4 } },
  })
})

test('what was used before midnight and read after it counts on the day of the reading, and once', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30 })
  await world.setClock(new Date('2026-11-27T23:59:40Z'))
  const { keyHash } = await world.db.apiKey.findUniqueOrThrow({ where: { id: key } })
  world.service.use(keyHash!, 4_000_000_000n)
  await world.setClock(new Date('2026-11-28T00:00:20Z'))
  await world.read()
  const view = await readSpending(world.ctx, { teamId: world.teamId, userId: null })
  expect(view.days.filter(({ spent }) => spent.usd !== 0)).toEqual([
    { day: '2026-11-28', spent: { text: '$4.00', usd: 4 } },
  ])
  expect([view.total.usd, view.late]).toEqual([(await balance(world)).spent, null])
})

test('a posting of a clock that was ahead or behind is in a day of the month, so days add up to it', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30 })
  await use(world, key, 2)
  for (const at of ['2026-10-31T23:00:00Z', '2026-12-02T00:00:00Z'])
    await world.db.$executeRaw`
      insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account,
        amount_usd, api_key_id, actor)
      values (${new Date(at)}::timestamptz, ${world.teamId}::uuid, ${ref(world).userId}, ${november}::date,
        'spend', 'committed', 'spent', 1, ${key}::uuid, 'worker')`
  const view = await readSpending(world.ctx, { teamId: world.teamId, userId: null })
  expect(view.days.reduce((sum, { spent }) => sum + spent.usd, 0)).toBe(4)
  expect(view.total.usd).toBe((await balance(world)).spent)
  const rows = await all(exportSpending(world.ctx, exporting(world)))
  expect(rows.reduce((sum, cells) => sum + Number(cells.at(-1)), 0)).toBe(4)
})

test('the files hold every posting and every dollar, and each is audited', async () => {
  await using world = await afterNovember()
  const postings = await all(exportLedger(world.ctx, exporting(world)))
  expect(postings).toHaveLength(
    await world.db.transaction.count({ where: { month: new Date(november) } }),
  )
  const place = (field: (typeof ledgerFields)[number]) => ledgerFields.indexOf(field)
  const spent = (cells: (string | null)[]) =>
    cells[place('to_account')] === 'spent' ? nanoFromDecimalString(cells[place('amount_usd')]!) : 0n
  expect(postings.reduce((sum, cells) => sum + spent(cells), 0n)).toBe(9_500_000_000n)
  const byKey = await all(exportSpending(world.ctx, exporting(world)))
  expect(byKey.reduce((sum, cells) => sum + nanoFromDecimalString(cells.at(-1)!), 0n)).toBe(
    9_500_000_000n,
  )
  expect(byKey.every((cells) => cells[2] === 'removed')).toBe(true)
  expect(
    await world.db.auditEvent.count({
      where: { action: 'team.books-exported', workshopSlug: world.scope },
    }),
  ).toBe(2)
})

test('a member reads their own books and nobody else’s, and another team reads none', async () => {
  await using world = await afterNovember()
  const own = { teamId: world.teamId, userId: world.ownerId, keysOf: world.ownerId }
  const view = await readMonth(world.ctx, own, november)
  expect([view.total.usd, view.keys.length]).toEqual([0, 0])
  const mine = await all(exportLedger(world.ctx, exporting(world, world.ownerId)))
  expect(mine.length).toBe(
    await world.db.transaction.count({
      where: { month: new Date(november), userId: world.ownerId },
    }),
  )
  const other = { teamId: '00000000-0000-4000-8000-000000000000', userId: null, keysOf: null }
  expect((await listPostings(world.ctx, other, november, null)).rows).toEqual([])
})

test('the ledger is read a page at a time, newest first; an odd place is none', async () => {
  await using world = await afterNovember()
  await world.db.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account,
      amount_usd, actor) select now(), team_id, user_id, month, 'allocate', 'unallocated', 'free', 0.01,
      'worker' from keymint.budget_months, generate_series(1, 150) where team_id = ${world.teamId}::uuid
      and user_id = ${ref(world).userId} and month = ${november}::date`
  const page = await listPostings(world.ctx, everybody(world), november, null)
  expect(page.rows).toHaveLength(100)
  const next = await listPostings(world.ctx, everybody(world), november, page.older)
  expect(BigInt(next.rows[0]!.id) < BigInt(page.rows.at(-1)!.id)).toBe(true)
  expect(await listPostings(world.ctx, everybody(world), november, "1' or true")).toEqual(page)
})

test('finance and viewers read what everybody spent, and no key of another is named to them', async () => {
  await using world = await afterNovember()
  const reader = { ...everybody(world), keysOf: world.ownerId }
  const view = await readMonth(world.ctx, reader, november)
  expect(view.total.usd).toBe(9.5)
  expect(view.services).toMatchObject([{ keys: 2, spent: { usd: 9.5 } }])
  expect([view.keys, view.moreKeys]).toEqual([[], 0])
  const asReader = { ...exporting(world), keysOf: world.ownerId }
  const spent = await all(exportSpending(world.ctx, asReader))
  expect(spent.length).toBeGreaterThan(0)
  expect(new Set(spent.map((row) => `${row[4]}${row[5]}`))).toEqual(new Set(['']))
  const ledger = await all(exportLedger(world.ctx, asReader))
  const [key, keyId] = [ledgerFields.indexOf('key'), ledgerFields.indexOf('key_id')]
  expect(ledger.length).toBe((await all(exportLedger(world.ctx, exporting(world)))).length)
  expect(ledger.every((row) => row[key] === null && row[keyId] === null)).toBe(true)
  const page = await listPostings(world.ctx, reader, november, null)
  expect(page.rows.every((row) => row.key === null && row.keyId === null)).toBe(true)
})
