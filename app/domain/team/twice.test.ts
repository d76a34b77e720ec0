/** A form that is posted twice is one request: the same answer, nothing twice. Also as a race. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { made, oneMember, ref as memberOf } from '../../../tests/ledger'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { rounds } from '../../../tests/rounds'
import { usd } from '../../../tests/world'
import { checkLedger } from '../../../tests/ledger-check'
import { requestMore, withdrawRequest } from '../money/budget-requests.server'
import { setTable } from '../money/budget-table.server'
import { monthOf } from '../money/month'
import { setTopUp } from '../money/top-ups.server'
import { moneyView } from '../money-view'
import { correctUsage, listCorrectableKeys } from './correct-usage.server'
import { BudgetStale, budgetVersion, setBudget } from '../money/budgets.server'
import { inviteByMail, newInvitationToken } from './invitations.server'
import { setKeyCeiling } from './key-ceiling.server'
import { changeCap, provisionSubKey, rotateSubKey } from './sub-key.server'
import { createTeam } from './team.server'

const wish = (world: TeamWorld, change: Partial<Parameters<typeof provisionSubKey>[1]> = {}) => ({
  teamId: world.teamId,
  userId: world.ownerId,
  masterKeyId: world.masterKeyId,
  purpose: 'a test',
  cap: usd(2),
  reset: null,
  expiresAt: new Date(world.ctx.now().getTime() + 86_400_000),
  models: [],
  ...change,
})
const budget = (world: TeamWorld, amount: number, formId?: string) =>
  setBudget(
    world.ctx,
    { teamId: world.teamId, userId: world.ownerId },
    { budget: usd(amount), effective: 'now', reason: '', ...(formId ? { formId } : {}) },
    world.ownerId,
  )
const audited = (world: TeamWorld, action: string) =>
  world.db.auditEvent.count({ where: { action, workshopSlug: world.scope } })

const races = rounds(100)
test(`${races} races of a form with itself make one key, one invitation, one request, one change`, async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, db, teamId, slug, ownerId } = world
  await setKeyCeiling(ctx, { teamId, slug, actorUserId: ownerId, ceiling: 1000 })
  const mails: string[] = []
  ctx.mailer = { send: ({ to }) => (mails.push(to), Promise.resolve(true)) }
  for (let round = 0; round < races; round++) {
    const before = {
      budgets: await audited(world, 'budget.set'),
      keys: await db.apiKey.count(),
      mails: mails.length,
    }
    const formId = randomUUID()
    await Promise.all([1, 2, 3].map(() => budget(world, 1_000 + round, formId)))
    expect(await audited(world, 'budget.set')).toBe(before.budgets + 1)

    const keys = await Promise.all(
      [1, 2, 3].map(() => provisionSubKey(ctx, wish(world, { formId }))),
    )
    expect(new Set(keys.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(keys[0]).toEqual({ kind: 'queued', keyId: formId })
    expect(await db.apiKey.count()).toBe(before.keys + 1)

    const formToken = newInvitationToken()
    const invitation = {
      teamId,
      slug,
      role: 'member',
      email: `guest-${round}@example.net`,
      actorUserId: ownerId,
      formToken,
      mailOf: () => ({ subject: '', text: '' }),
    } as const
    const links = await Promise.all([1, 2, 3].map(() => inviteByMail(ctx, invitation)))
    for (const link of links) expect(link).toMatchObject({ kind: 'invited', token: formToken })
    expect(mails.length).toBe(before.mails + 1)

    const ref = { teamId, userId: ownerId }
    const asked = await Promise.all(
      [1, 2, 3].map(() => requestMore(ctx, ref, { more: usd(1), reason: 'more', formId })),
    )
    expect(asked).toEqual([{ kind: 'asked' }, { kind: 'asked' }, { kind: 'asked' }])
    expect(await requestMore(ctx, ref, { more: usd(1), reason: 'another' })).toEqual({
      kind: 'refused',
      reason: 'already-asked',
    })
    await db.budgetRequest.updateMany({ data: { state: 'withdrawn', decidedAt: ctx.now() } })
    await db.invitation.updateMany({ data: { revokedAt: ctx.now() } })

    const team = {
      name: 'Twice',
      slug: `twice-${round}`,
      person: { userId: ownerId, banned: null },
    }
    if (round < 15) {
      const made = await Promise.all([1, 2].map(() => createTeam(ctx, { ...team, formId })))
      for (const one of made) expect(one).toEqual({ kind: 'created', slug: team.slug })
      expect(await createTeam(ctx, team)).toMatchObject({ reason: 'slug-taken' })
    }
  }
}, 300_000)

test('a form that a browser brought back with another wish makes another key', async () => {
  await using world = await openTeamWorld({ members: 1 })
  await budget(world, 100)
  const formId = randomUUID()
  const first = await provisionSubKey(world.ctx, wish(world, { formId }))
  const second = await provisionSubKey(world.ctx, wish(world, { formId, purpose: 'another' }))
  expect(first).toEqual({ kind: 'queued', keyId: formId })
  expect(second.kind).toBe('queued')
  expect(second).not.toEqual(first)
  // Nor does it lead to the key of somebody else.
  const other = wish(world, { formId, userId: world.memberIds[0]! })
  expect(await provisionSubKey(world.ctx, other)).toMatchObject({ reason: 'not-enough' })
})

test('a budget that was changed in between is not set back by a second post', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const formId = randomUUID()
  await budget(world, 50, formId)
  await budget(world, 70)
  await expect(budget(world, 50, formId)).rejects.toThrow(BudgetStale)
  const [row] = await world.db.budget.findMany({ where: { userId: world.ownerId } })
  expect(Number(row?.allocatedUsd)).toBe(70)
})

test('a form that a browser brought back with another wish is not called done', async () => {
  await using world = await oneMember(100)
  const { ctx, teamId, ownerId } = world
  const ref = memberOf(world)
  const keyIds = [await made(world, { cap: 10 }), await made(world, { cap: 10 })]
  const month = monthOf(ctx.now())
  const formId = randomUUID()

  const set = (amount: number) =>
    setBudget(ctx, ref, { budget: usd(amount), effective: 'now', reason: '', formId }, ownerId)
  expect((await set(90))?.to).toBe(usd(90))
  expect((await set(90))?.to).toBe(usd(90))
  await expect(set(80)).rejects.toThrow(BudgetStale)

  const was = budgetVersion(moneyView(usd(90)), moneyView(usd(90)))
  const table = (amounts: Record<string, number>, versions: Record<string, string> = {}) =>
    setTable(
      ctx,
      {
        teamId,
        actorUserId: ownerId,
        effective: 'now',
        rows: Object.entries(amounts).map(([userId, amount]) => ({
          userId,
          budget: usd(amount),
          was: versions[userId] ?? (userId === ownerId ? '0/0' : was),
        })),
      },
      { month, reason: '', formId: tableForm },
    )
  const tableForm = randomUUID()
  expect(await table({ [ref.userId]: 85 })).toEqual({ kind: 'set', changed: 1 })
  expect(await table({ [ref.userId]: 85 })).toEqual({ kind: 'set', changed: 1 })
  const stale = { kind: 'refused', reason: 'stale' }
  expect(await table({ [ref.userId]: 75 })).toEqual(stale)
  expect(await table({ [ref.userId]: 85, [ownerId]: 5 })).toEqual(stale)
  expect(await table({ [ref.userId]: 85, [ownerId]: 0 })).toMatchObject({ kind: 'set' })

  const topUp = (amount: number, before: number) =>
    setTopUp(
      ctx,
      ref,
      { amount: usd(amount), was: usd(before), month, reason: '', formId },
      ownerId,
    )
  expect(await topUp(5, 0)).toEqual({ kind: 'set' })
  expect(await topUp(5, 0)).toEqual({ kind: 'set' })
  expect(await topUp(6, 0)).toEqual(stale)
  expect(await topUp(6, 5)).toEqual({ kind: 'set' })

  const ask = (more: number) => requestMore(ctx, ref, { more: usd(more), reason: 'more', formId })
  expect(await ask(3)).toEqual({ kind: 'asked' })
  expect(await ask(3)).toEqual({ kind: 'asked' })
  expect(await ask(4)).toEqual({ kind: 'refused', reason: 'already-asked' })
  expect(await withdrawRequest(ctx, ref, formId)).toBe(true)
  expect(await ask(3)).toEqual({ kind: 'asked' })
  expect(await world.db.budgetRequest.count({ where: { state: 'open' } })).toBe(1)

  const keys = await listCorrectableKeys(ctx, teamId, month, null)
  expect(keys).toHaveLength(keyIds.length)
  const correct = (key: number, amount: number) =>
    correctUsage(ctx, {
      teamId,
      actorUserId: ownerId,
      handle: keys[key]!.handle,
      month,
      direction: 'up',
      amount: usd(amount),
      reason: '',
      was: 0n,
      formId,
    })
  expect(await correct(0, 1)).toEqual({ kind: 'corrected' })
  expect(await correct(0, 1)).toEqual({ kind: 'corrected' })
  expect(await correct(0, 2)).toEqual(stale)
  expect(await correct(1, 2)).toEqual({ kind: 'corrected' })
  expect(await correct(1, 2)).toEqual(stale)
  await checkLedger(world)

  const person = { userId: ownerId, banned: null }
  const create = (slug: string) => createTeam(ctx, { name: 'Twice', slug, person, formId })
  for (const slug of ['one-team', 'one-team', 'another-team'])
    expect(await create(slug)).toEqual({ kind: 'created', slug })
  const end = (days: number) => new Date(ctx.now().getTime() + days * 86_400_000)
  const key = (days: number) =>
    provisionSubKey(ctx, { ...wish(world), ...ref, formId, expiresAt: end(days) })
  expect(await key(1)).toEqual(await key(1))
  expect(await key(7)).not.toEqual(await key(1))
})

test('nobody makes more teams than they may, also all at once', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const person = { userId: world.ownerId, banned: null }
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      createTeam(world.ctx, { name: 'Many', slug: `many-${index}`, person }),
    ),
  )
  expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(19)
  expect(await world.db.team.count({ where: { createdBy: world.ownerId } })).toBe(20)
})

test('a cap that somebody else has changed since it was shown is not changed over theirs', async () => {
  await using world = await oneMember(100)
  const keyId = await made(world, { cap: 10 })
  const holder = { ...memberOf(world), keyId }
  const owner = { ...holder, userId: world.ownerId }
  const both = await Promise.all([
    changeCap(world.ctx, holder, { cap: usd(20), reason: 'more', was: usd(10) }),
    changeCap(world.ctx, owner, { cap: usd(5), reason: 'less', was: usd(10) }),
  ])
  expect(both.map((one) => (one.kind === 'refused' ? one.reason : one.kind)).sort()).toEqual([
    'asked',
    'stale-cap',
  ])
  const cap = both[0].kind === 'asked' ? 20 : 5
  expect((await world.row(keyId)).capUsd.toNumber()).toBe(cap)
  const twice = { cap: usd(cap), reason: 'posted twice', was: usd(10) }
  expect(await changeCap(world.ctx, owner, twice)).toEqual({ kind: 'unchanged' })
})

test('live keys of a member have a ceiling that owners set', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, teamId, slug, ownerId } = world
  await budget(world, 100)
  const ceiling = (count: number) =>
    setKeyCeiling(ctx, { teamId, slug, actorUserId: ownerId, ceiling: count })
  expect(await world.db.team.findUniqueOrThrow({ where: { id: teamId } })).toMatchObject({
    maxLiveKeys: 20,
  })
  await ceiling(2)
  for (const kind of ['queued', 'queued', 'refused'])
    expect((await provisionSubKey(ctx, wish(world))).kind).toBe(kind)
  expect(await provisionSubKey(ctx, wish(world))).toEqual({
    kind: 'refused',
    reason: 'too-many-keys',
  })
  const both = await Promise.all([
    ceiling(4),
    ...Array(4)
      .fill(0)
      .map(() => provisionSubKey(ctx, wish(world))),
  ])
  void both
  const live = await world.db.apiKey.count({
    where: { teamId, state: { in: ['pending', 'ready'] } },
  })
  expect(live).toBeLessThanOrEqual(4)
  expect(await audited(world, 'team.key-ceiling-set')).toBe(2)
})

test('a replacement that is posted twice replaces the key that was shown, once', async () => {
  await using world = await openTeamWorld({ members: 0 })
  await budget(world, 100)
  const outcome = await provisionSubKey(world.ctx, wish(world))
  if (outcome.kind === 'refused') throw new Error(outcome.reason)
  await world.mint(outcome.keyId)
  const actor = { userId: world.ownerId, teamId: world.teamId, keyId: outcome.keyId }
  const both = await Promise.all([1, 2].map(() => rotateSubKey(world.ctx, actor, '', 1)))
  expect(both).toEqual([{ kind: 'asked' }, { kind: 'asked' }])
  expect((await world.row(outcome.keyId)).generation).toBe(2)
  expect(await audited(world, 'sub-key.rotated')).toBe(1)
})
