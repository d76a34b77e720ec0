/**
 * The spending of any days: every table, the chart and the file agree with the ledger about
 * those days, to the nano-dollar, whoever has left and whatever has ended; and nobody sees more than theirs.
 */
import { expect, test } from 'vitest'
import { made, oneMember, provision, ref, usd, use } from '../../../tests/ledger'
import { seededRng } from '../../../tests/rng'
import type { TeamWorld } from '../../../tests/team'
import { decimalStringFromNano, nanoFromDecimalString } from '~/money'
import { rollMonths } from '../money/budgets.server'
import { exportSpending, spendingFields } from './books.server'
import { correctUsage, listCorrectableKeys } from './correct-usage.server'
import { setProject } from './key-project.server'
import { readMonth, type BooksScope } from './months.server'
import { daysIn, rangeParts, readRange, type DayRange } from './range.server'
import { deleteSubKey, rotateSubKey } from './sub-key.server'
import { removeMember } from './team.server'

const november = '2026-11-01'
const everybody = (world: TeamWorld): BooksScope => ({
  teamId: world.teamId,
  userId: null,
  keysOf: null,
})
const nano = (row: { spent: { usd: number } }) => BigInt(Math.round(row.spent.usd * 1e9))
const sum = (values: bigint[]) => values.reduce((all, value) => all + value, 0n)

async function inFile(world: TeamWorld, range: DayRange, scope = everybody(world)) {
  const rows: string[][] = []
  const { slug, ownerId: actorUserId } = world
  for await (const cells of exportSpending(world.ctx, { ...scope, slug, actorUserId, range }))
    rows.push(cells)
  return rows
}

/** What the postings themselves say of these days. */
async function inLedger(world: TeamWorld, { from, to }: DayRange): Promise<bigint> {
  const [row] = await world.db.$queryRaw<{ usd: string }[]>`
    select coalesce(sum(case when t.to_account = 'spent' then t.amount_usd else -t.amount_usd end), 0)::text as usd
    from keymint.transactions t where t.team_id = ${world.teamId}::uuid
      and 'spent' in (t.from_account, t.to_account)
      and keymint.day_of_posting(t.at, t.month) between ${from}::date and ${to}::date`
  return nanoFromDecimalString(row!.usd)
}

/** A reading as the ledger keeps it: at any time, of any amount. */
const posted = (world: TeamWorld, key: string, month: string, at: string, amount: bigint) =>
  world.db.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account,
      amount_usd, api_key_id, actor)
    values (${new Date(at)}::timestamptz, ${world.teamId}::uuid, ${ref(world).userId}, ${month}::date,
      'spend', 'committed', 'spent', ${decimalStringFromNano(amount)}::numeric, ${key}::uuid, 'worker')`

/** November to January: two keys, one with a project, one deleted, a correction, and a member who left. */
async function threeMonths(): Promise<TeamWorld> {
  const world = await oneMember(200)
  const { below, pick } = seededRng('RANGE_SEED')
  const first = await made(world, { cap: 60, reset: 'monthly' })
  const second = await made(world, { cap: 60 })
  await setProject(world.ctx, { ...ref(world), keyId: first }, 'search')
  for (const [month, now] of [
    [november, '2026-11-28T10:00:00Z'],
    ['2026-12-01', '2026-12-30T10:00:00Z'],
    ['2027-01-01', '2027-01-29T10:00:00Z'],
  ] as const) {
    await world.setClock(new Date(now))
    await rollMonths(world.ctx)
    for (let times = 0; times < 12; times++) {
      const day = String(1 + below(28)).padStart(2, '0')
      const clock = pick(['00:00:00', '12:34:56', '23:59:59.999'])
      const at = `${month.slice(0, 8)}${day}T${clock}Z`
      await posted(world, pick([first, second]), month, at, BigInt(1 + below(999_999_999)))
    }
  }
  // Read after the month's end: on its last day.
  await posted(world, first, november, '2026-12-01T00:00:30Z', 7n)
  const [key] = await listCorrectableKeys(world.ctx, world.teamId, november, null)
  await correctUsage(world.ctx, {
    teamId: world.teamId,
    actorUserId: world.ownerId,
    handle: key!.handle,
    month: november,
    direction: 'down',
    amount: 3n,
    reason: 'counted twice',
    was: 0n,
  })
  await deleteSubKey(world.ctx, { ...ref(world), keyId: second }, 'done')
  await removeMember(world.ctx, ref(world), world.ownerId, 'left')
  return world
}

test('of any days, every table, the chart and the file add up to the ledger, to the nano-dollar', async () => {
  await using world = await threeMonths()
  const { below } = seededRng('DAYS_SEED')
  const days = daysIn({ from: '2026-10-20', to: '2027-01-20' })
  const ranges: DayRange[] = [
    { from: '2026-10-20', to: '2027-01-20' },
    { from: '2026-11-30', to: '2026-11-30' },
    { from: '2026-11-30', to: '2026-12-01' },
    { from: '2026-01-29', to: '2027-01-29' },
  ]
  for (let times = 0; times < 6; times++) {
    const [one, other] = [days[below(days.length)]!, days[below(days.length)]!].sort()
    ranges.push({ from: one!, to: other! })
  }
  for (const range of ranges) {
    const posts = await inLedger(world, range)
    const where = `${range.from} ${range.to}`
    for (const part of rangeParts) {
      const view = await readRange(world.ctx, everybody(world), range, part)
      expect(BigInt(Math.round(view.total.usd * 1e9)), where).toBe(posts)
      const corrected = BigInt(Math.round((view.corrected?.usd ?? 0) * 1e9))
      expect(sum(view.series.flatMap((series) => series.days)) + corrected, where).toBe(posts)
      for (const rows of [view.members, view.services, view.projects, view.keys])
        expect(sum(rows.map(nano)), where).toBe(posts)
    }
    const rows = await inFile(world, range)
    expect(sum(rows.map((cells) => nanoFromDecimalString(cells.at(-1)!))), where).toBe(posts)
    expect(rows.every(([day]) => day! >= range.from && day! <= range.to)).toBe(true)
  }
  const whole = await readRange(world.ctx, everybody(world), ranges[0]!, 'project')
  expect(whole.members).toMatchObject([{ gone: true }])
  expect(new Set(whole.projects.map(({ project }) => project))).toEqual(new Set(['search', null]))
  expect(whole.series.map(({ name }) => name).sort()).toEqual(['', 'search'])
  expect(whole.keys.map(({ ended }) => ended)).toEqual([true, true])
})

test('the days of a month are the month, and the file names the project and is audited', async () => {
  await using world = await threeMonths()
  const range = { from: november, to: '2026-11-30' }
  const view = await readRange(world.ctx, everybody(world), range, 'service')
  const month = await readMonth(world.ctx, everybody(world), november)
  expect([view.total, view.corrected]).toEqual([month.total, month.corrected])
  const rows = await inFile(world, range)
  const project = spendingFields.indexOf('project')
  expect(new Set(rows.map((cells) => cells[project]))).toEqual(new Set(['search', '']))
  const audited = await world.db.auditEvent.findMany({
    where: { action: 'team.books-exported', workshopSlug: world.scope },
  })
  expect(audited.map(({ details }) => details)).toMatchObject([
    { what: 'spending', firstDay: november, lastDay: '2026-11-30', of: 'all members' },
  ])
})

test('up to today, a reading of a clock that is ahead counts today; up to a day before it does not', async () => {
  await using world = await oneMember(100)
  const key = await made(world, { cap: 30 })
  await use(world, key, 2)
  const today = world.ctx.now().toISOString().slice(0, 10)
  const ahead = new Date(world.ctx.now().getTime() + 86_400_000).toISOString()
  await posted(world, key, november, ahead, 5n)
  const from = november
  const view = await readRange(world.ctx, everybody(world), { from, to: today }, 'key')
  expect(view.series.map(({ days }) => days.at(-1))).toEqual([usd(2) + 5n])
  expect(BigInt(Math.round(view.total.usd * 1e9))).toBe(usd(2) + 5n)
  expect(await inFile(world, { from, to: today })).toHaveLength(2)
  const yesterday = new Date(world.ctx.now().getTime() - 86_400_000).toISOString().slice(0, 10)
  const before = await readRange(world.ctx, everybody(world), { from, to: yesterday }, 'key')
  expect(before.total.usd).toBe(0)
})

test('more than five parts are five and the rest; a member sees theirs, finance no key of others', async () => {
  await using world = await oneMember(100)
  for (let amount = 1; amount <= 7; amount++)
    await use(world, await made(world, { cap: 8 }), amount)
  const range = { from: november, to: world.ctx.now().toISOString().slice(0, 10) }
  const view = await readRange(world.ctx, everybody(world), range, 'key')
  const sums = view.series.map(({ name, days }) => [name, sum(days)])
  expect(sums).toEqual([
    ...[7, 6, 5, 4, 3].map((amount) => ['a test', usd(amount)]),
    [null, usd(3)],
  ])
  const { teamId, ownerId } = world
  const own = { teamId, userId: ownerId, keysOf: ownerId }
  expect((await readRange(world.ctx, own, range, 'key')).total.usd).toBe(0)
  const finance = { teamId, userId: null, keysOf: ownerId }
  const theirs = await readRange(world.ctx, finance, range, 'key')
  expect([theirs.keys, theirs.series.map(({ name }) => name)]).toEqual([[], [null]])
  expect(theirs.total.usd).toBe(28)
  const names = (await inFile(world, range, finance)).map(
    (cells) => cells[spendingFields.indexOf('key')],
  )
  expect(new Set(names)).toEqual(new Set(['']))
  expect((await provision(world, { cap: 1 })).kind).toBe('queued')
})

test('the file names the state of a key as its page does, also where a replacement was refused', async () => {
  await using world = await oneMember(100)
  const stateOf = async (keyId: string) => {
    const today = world.ctx.now().toISOString().slice(0, 10)
    const rows = await inFile(world, { from: november, to: today })
    const row = rows.find((cells) => cells[spendingFields.indexOf('key_id')] === keyId)
    return row?.[spendingFields.indexOf('key_state')]
  }
  const used = async (lifeMs?: number) => {
    const key = await made(world, { cap: 10, ...(lifeMs === undefined ? {} : { lifeMs }) })
    await use(world, key, 1)
    return key
  }
  const [live, deleted, replaced, refused] = [
    await used(),
    await used(),
    await used(),
    await used(),
  ]
  await deleteSubKey(world.ctx, { ...ref(world), keyId: deleted }, 'done')
  for (const keyId of [replaced, refused])
    expect(await rotateSubKey(world.ctx, { ...ref(world), keyId }, 'a test')).toMatchObject({
      kind: 'asked',
    })
  expect(await stateOf(replaced)).toBe('replacing')
  await world.letSettle()
  await world.refuseMint(refused)
  expect((await world.db.apiKey.findUniqueOrThrow({ where: { id: refused } })).state).toBe(
    'refused',
  )
  expect(await world.mint(replaced)).toBe(true)
  const states = [live, deleted, replaced, refused].map(stateOf)
  expect(await Promise.all(states)).toEqual(['ready', 'ended', 'ready', 'ended'])
  await world.moveClock(91 * 86_400_000)
  expect(await stateOf(live), 'its time is over, whatever job has seen it').toBe('ended')
})

test('a key that was never made is refused in the file, where something was posted on it', async () => {
  await using world = await oneMember(100)
  const outcome = await provision(world, { cap: 5 })
  const keyId = outcome.kind === 'queued' ? outcome.keyId : ''
  await posted(world, keyId, november, '2026-11-03T08:00:00Z', 5n)
  await world.refuseMint(keyId)
  const [row] = await inFile(world, { from: november, to: '2026-11-03' })
  expect(row?.[spendingFields.indexOf('key_state')]).toBe('refused')
})
