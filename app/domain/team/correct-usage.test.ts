/**
 * Corrections of what a provider counted: both directions, never below nothing, one posting whoever
 * presses twice, and books, files, audit and caps that say the same.
 */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { nanoFromDecimalString } from '~/money'
import { checkLedger } from '../../../tests/ledger-check'
import { balance, made, oneMember, ref, usd, use } from '../../../tests/ledger'
import { rounds } from '../../../tests/rounds'
import type { TeamWorld } from '../../../tests/team'
import { NotAllowed } from '../money/member-lock.server'
import { exportLedger, exportSpending, ledgerFields, spendingFields } from './books.server'
import { closeTeam } from './close.server'
import { correctUsage, listCorrectableKeys, listCorrections } from './correct-usage.server'
import { readMonth } from './months.server'
import { readSpending } from './spending.server'
import { changeCap, deleteSubKey } from './sub-key.server'
import { findSubKey } from './sub-key-view.server'
import { removeMember, setRole } from './team.server'

const november = '2026-11-01'
type Wish = { by?: number; was?: number; formId?: string; month?: string; actor?: string }

async function correct(
  world: TeamWorld,
  direction: 'up' | 'down',
  { by = 1, was, formId, month = november, actor }: Wish = {},
) {
  const [key] = await listCorrectableKeys(world.ctx, world.teamId, month, null)
  return correctUsage(world.ctx, {
    teamId: world.teamId,
    actorUserId: actor ?? world.ownerId,
    handle: key?.handle ?? 'none',
    month,
    direction,
    amount: usd(by),
    reason: 'the invoice says so',
    was: was === undefined ? nanoFromDecimalString(key?.corrected ?? '0') : usd(was),
    ...(formId ? { formId } : {}),
  })
}
const postings = (world: TeamWorld) =>
  world.db.transaction.count({ where: { kind: { in: ['correct-up', 'correct-down'] } } })
async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const read: Row[] = []
  for await (const row of rows) read.push(row)
  return read
}
/** A member with 100, and a key of 20 that has used 5. */
async function used(): Promise<{ world: TeamWorld; keyId: string }> {
  const world = await oneMember(100)
  const keyId = await made(world, { cap: 20 })
  await use(world, keyId, 5)
  return { world, keyId }
}

test('a correction moves money between spent and free, and the next readings keep it', async () => {
  const { world, keyId } = await used()
  await using _ = world
  expect(await correct(world, 'down', { by: 2 })).toEqual({ kind: 'corrected' })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 15, spent: 3, free: 82 })
  await use(world, keyId, 1)
  expect(await balance(world)).toEqual({ allocated: 100, committed: 14, spent: 4, free: 82 })
  expect(await correct(world, 'up', { by: 3 })).toEqual({ kind: 'corrected' })
  expect(await balance(world)).toEqual({ allocated: 100, committed: 14, spent: 7, free: 79 })
  await world.read()
  expect(await balance(world)).toMatchObject({ spent: 7 })
  expect(await findSubKey(world.ctx, world.teamId, keyId)).toMatchObject({
    spent: { usd: 6 },
    left: { usd: 14 },
    corrected: { usd: 1 },
  })
  await checkLedger(world)
})

test('the cap of a corrected key goes by what the provider counts', async () => {
  const { world, keyId } = await used()
  await using _ = world
  await correct(world, 'down', { by: 5 })
  const actor = { ...ref(world), keyId }
  const lower = await changeCap(world.ctx, actor, { cap: usd(4), reason: 'test' })
  expect(lower).toMatchObject({ reason: 'below-used', used: usd(5) })
  await deleteSubKey(world.ctx, actor, 'done')
  await world.sweep()
  await world.letSettle()
  expect(await balance(world)).toEqual({ allocated: 100, committed: 0, spent: 0, free: 100 })
  await checkLedger(world)
})

test('usage never goes below zero, and what is refused changes nothing', async () => {
  const { world } = await used()
  await using _ = world
  expect(await correct(world, 'down', { by: 5.01 })).toEqual({
    kind: 'refused',
    reason: 'below-zero',
    spent: usd(5),
  })
  expect(await correct(world, 'up', { by: 1, was: 2 })).toMatchObject({ reason: 'stale' })
  expect(await correct(world, 'up', { month: '2026-10-01' })).toMatchObject({
    reason: 'no-such-key',
  })
  expect(await postings(world)).toBe(0)
  expect(await correct(world, 'down', { by: 5 })).toEqual({ kind: 'corrected' })
  expect(await correct(world, 'down', { by: 0.000000001 })).toMatchObject({ reason: 'below-zero' })
  // Beyond the budget as a provider's own count would be: shown as short.
  expect(await correct(world, 'up', { by: 200 })).toEqual({ kind: 'corrected' })
  expect(await balance(world)).toMatchObject({ spent: 200, free: -115 })
  await checkLedger(world)
})

const races = rounds(100)
test(`${races} races of two people with the same correction: it is one posting; a form counts once`, async () => {
  const { world } = await used()
  await using _ = world
  const finance = ref(world).userId
  await setRole(world.ctx, ref(world), 'finance', world.ownerId, 'test')
  for (let round = 0; round < races; round++) {
    const was = round
    const both = await Promise.all([
      correct(world, 'up', { by: 1, was, formId: randomUUID() }),
      correct(world, 'up', { by: 1, was, formId: randomUUID(), actor: finance }),
    ])
    expect(both.map(({ kind }) => kind).sort()).toEqual(['corrected', 'refused'])
    expect(await postings(world)).toBe(round + 1)
  }
  const formId = randomUUID()
  const same = [1, 2, 3].map(() => correct(world, 'down', { by: 1, was: races, formId }))
  for (const outcome of await Promise.all(same)) expect(outcome).toEqual({ kind: 'corrected' })
  expect(await postings(world)).toBe(races + 1)
  expect(await balance(world)).toMatchObject({ spent: 5 + races - 1 })
  const events = await world.db.auditEvent.count({
    where: { action: 'sub-key.usage-corrected', workshopSlug: world.scope },
  })
  expect(events).toBe(races + 1)
  await checkLedger(world)
})

test('owners and finance correct; members, viewers and other teams do not, and a closed team is closed', async () => {
  const { world } = await used()
  await using _ = world
  const member = ref(world).userId
  const own = { actor: member }
  await expect(correct(world, 'up', own)).rejects.toThrow(NotAllowed)
  await setRole(world.ctx, ref(world), 'finance', world.ownerId, 'test')
  expect(await correct(world, 'up', own)).toEqual({ kind: 'corrected' })
  // Finance is not told which key of another it is; of its own keys it is.
  const [named] = await listCorrectableKeys(world.ctx, world.teamId, november, member)
  const [unnamed] = await listCorrectableKeys(world.ctx, world.teamId, november, world.ownerId)
  expect([named?.purpose, unnamed?.purpose]).toEqual(['a test', null])
  const [event] = await world.db.auditEvent.findMany({
    where: { action: 'sub-key.usage-corrected', workshopSlug: world.scope },
  })
  expect(event).toMatchObject({
    actor: `user:${member}`,
    details: { fromUsd: '5.000000000', toUsd: '6.000000000', reason: 'the invoice says so' },
  })
  await closeTeam(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    actorUserId: world.ownerId,
    reason: 'test',
  })
  await expect(correct(world, 'up')).rejects.toThrow(/closed/)
})

test('a month that is over is corrected there, and what comes back from who has left goes back', async () => {
  const { world } = await used()
  await using _ = world
  await removeMember(world.ctx, ref(world), world.ownerId, 'left')
  await world.sweep()
  await world.letSettle()
  expect(await balance(world)).toEqual({ allocated: 5, committed: 0, spent: 5, free: 0 })
  expect(await correct(world, 'down', { by: 2 })).toEqual({ kind: 'corrected' })
  expect(await balance(world)).toEqual({ allocated: 3, committed: 0, spent: 3, free: 0 })
  await world.setClock(new Date('2026-12-03T00:00:00Z'))
  expect(await correct(world, 'up', { by: 0.5 })).toEqual({ kind: 'corrected' })
  expect(await balance(world, november)).toMatchObject({ spent: 3.5 })
  expect(await balance(world)).toMatchObject({ spent: 0 })
  await checkLedger(world)
})

test('ledger, files and pages say the same to the cent', async () => {
  const { world } = await used()
  await using _ = world
  await correct(world, 'down', { by: 2 })
  await correct(world, 'up', { by: 0.25 })
  const scope = { teamId: world.teamId, userId: null, keysOf: null }
  const view = await readMonth(world.ctx, scope, november)
  expect(view).toMatchObject({ total: { usd: 3.25 }, corrected: { usd: -1.75 } })
  expect(view.days.reduce((sum, { spent }) => sum + spent.usd, 0)).toBe(5)
  expect(view.members.map(({ spent }) => spent.usd)).toContain(3.25)
  expect([view.keys[0]?.spent.usd, view.services[0]?.spent.usd]).toEqual([3.25, 3.25])
  expect(await readSpending(world.ctx, scope)).toMatchObject({
    total: { usd: 3.25 },
    corrected: { usd: -1.75 },
  })
  const exporting = { ...scope, slug: world.slug, month: november, actorUserId: world.ownerId }
  const spent = await all(exportSpending(world.ctx, exporting))
  const kind = spendingFields.indexOf('kind')
  expect(spent.map((cells) => [cells[kind], cells.at(-1)])).toEqual([
    ['usage', '5.000000000'],
    ['correction', '-1.750000000'],
  ])
  const ledger = await all(exportLedger(world.ctx, exporting))
  const at = (name: (typeof ledgerFields)[number]) => ledgerFields.indexOf(name)
  const corrections = ledger.filter((cells) => cells[at('kind')]?.startsWith('correct-'))
  expect(
    corrections.map((cells) => [
      cells[at('from_account')],
      cells[at('to_account')],
      cells[at('amount_usd')],
    ]),
  ).toEqual([
    ['spent', 'free', '2.000000000'],
    ['free', 'spent', '0.250000000'],
  ])
  expect(corrections.every((cells) => cells[at('reason')] === 'the invoice says so')).toBe(true)
  const listed = await listCorrections(world.ctx, world.teamId, november, null)
  expect(listed.map(({ amount }) => amount.usd)).toEqual([0.25, -2])
})

test('the database itself refuses usage below zero, and a form twice', async () => {
  const { world, keyId } = await used()
  await using _ = world
  const post = (amount: string, formId: string) => world.db.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account, amount_usd,
      api_key_id, actor, form_id)
    values (now(), ${world.teamId}::uuid, ${ref(world).userId}, ${november}::date, 'correct-down', 'spent', 'free',
      ${amount}::numeric, ${keyId}::uuid, 'worker', ${formId}::uuid)`
  await expect(post('5.000000001', randomUUID())).rejects.toThrow(
    /key_month_spent|ledger_not_negative/,
  )
  const formId = randomUUID()
  await post('1', formId)
  await expect(post('1', formId)).rejects.toThrow(/23505|transactions_form_id_key|Unique/)
})
