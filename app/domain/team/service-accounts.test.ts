/** Keys for machines: they belong to the team, owners act for them, and no person's end ends them. */
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { use } from '../../../tests/ledger'
import { ask, keyOf, madeBy, make, openWithOwners } from '../../../tests/machine-account'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { setBudget } from '../money/budgets.server'
import { NotAllowed } from '../money/member-lock.server'
import { readBudget } from '../money/open-month.server'
import { monthOf } from '../money/month'
import { isServiceAccount } from '../money/roles'
import { applyRetention } from '../operations/retention.server'
import { banPerson } from '../people/ban.server'
import { erasePerson } from '../people/erase.server'
import { exportLedger, exportSpending, ledgerFields, spendingFields } from './books.server'
import { closeTeam } from './close.server'
import { handOverKeys, listTakers } from './hand-over.server'
import { readMonth } from './months.server'
import { endOldKey } from './overlap.server'
import { revealSubKey } from './reveal.server'
import { findServiceAccount } from './service-accounts.server'
import { changeCap, deleteSubKey, rotateSubKey } from './sub-key.server'
import { findSubKey } from './sub-key-view.server'
import { listMembers } from './team-view.server'
import { setDefaultBudget } from './team-defaults.server'
import { removeMember, resumeMember, setRole, suspendMember } from './team.server'

const stateOf = async (world: TeamWorld, keyId: string) => (await world.row(keyId)).state

test('an owner makes one, with a budget of its own and no default; its events name both', async () => {
  const { world, second, member } = await openWithOwners()
  await using _ = world
  const { ctx, db, teamId, slug, ownerId } = world
  await setDefaultBudget(ctx, { teamId, slug, actorUserId: ownerId, budget: usd(100), was: null })
  const userId = await madeBy(world, { name: '  CI  of\nthe lab ' })
  expect(isServiceAccount(userId)).toBe(true)
  expect(await findServiceAccount(ctx, { teamId, userId })).toEqual({
    userId,
    name: 'CI of the lab',
    state: 'active',
  })
  const none = await make(world, { name: 'Nightly' })
  if (none.kind !== 'made') throw new Error(none.reason)
  const budget = (of: string) => readBudget(db, { teamId, userId: of }, monthOf(ctx.now()))
  expect([await budget(userId), await budget(none.userId)]).toEqual([usd(50), 0n])

  const keyId = await keyOf(world, userId, second)
  const reveal = (by: string) => revealSubKey(ctx, { teamId, keyId, userId: by })
  expect(await reveal(ownerId)).toMatchObject({ kind: 'revealed' })
  expect(await reveal(second)).toMatchObject({ kind: 'revealed' })
  expect(await reveal(member)).toEqual({ kind: 'no-key' })
  expect(await reveal(userId), 'it is nobody').toEqual({ kind: 'no-key' })
  await expect(ask(world, userId, member)).rejects.toThrow(NotAllowed)
  await expect(ask(world, member, ownerId), 'no owner for a person').rejects.toThrow(NotAllowed)
  await expect(ask(world, userId, userId), 'nor it for itself').rejects.toThrow(NotAllowed)
  expect(await ask(world, userId, ownerId, 40.01)).toMatchObject({ reason: 'not-enough' })
  const told = await db.auditEvent.findMany({
    where: { subject: `sub-key:${keyId}`, action: { in: ['sub-key.asked', 'sub-key.revealed'] } },
    orderBy: { id: 'asc' },
  })
  expect(
    told.slice(0, 3).map(({ actor, details }) => [actor, (details as { for: string }).for]),
  ).toEqual([
    [`user:${second}`, `user:${userId}`],
    [`user:${ownerId}`, `user:${userId}`],
    [`user:${second}`, `user:${userId}`],
  ])
})

test('owners do with its keys what holders do with theirs', async () => {
  const { world, second } = await openWithOwners()
  await using _ = world
  const { ctx, teamId, ownerId } = world
  const userId = await madeBy(world)
  const keyId = await keyOf(world, userId)
  const by = (actor: string) => ({ teamId, userId: actor, keyId })
  await use(world, keyId, 2)
  expect(await changeCap(ctx, by(second), { cap: usd(12), reason: 'more' })).toEqual({
    kind: 'asked',
  })
  await world.apply(keyId)
  expect(await rotateSubKey(ctx, by(ownerId), 'leaked', undefined, 4)).toEqual({ kind: 'asked' })
  await world.apply(keyId)
  expect(await world.mint(keyId)).toBe(true)
  expect(await revealSubKey(ctx, by(second))).toMatchObject({ kind: 'revealed' })
  expect(await endOldKey(ctx, by(second), 'all machines have it')).toEqual({ kind: 'ended' })
  await world.letSettle()
  await checkLedger(world, userId)
  expect(await deleteSubKey(ctx, by(ownerId), 'no longer needed')).toEqual({ kind: 'ended' })
  await world.letSettle()
  await checkLedger(world, userId)
  expect(await findSubKey(ctx, teamId, keyId)).toMatchObject({
    phase: 'ended',
    spent: { usd: 2 },
    holder: { userId, service: true },
  })
})

test('whatever happens to its maker, its keys work on; they end with it, and with the team', async () => {
  const { world, second } = await openWithOwners()
  await using _ = world
  const { ctx, teamId, slug, ownerId } = world
  const userId = await madeBy(world, { budget: 40, by: second })
  const keyId = await keyOf(world, userId, second)
  const maker = { teamId, userId: second }
  const isLive = async () => {
    expect(await stateOf(world, keyId)).toBe('ready')
    expect(world.service.keys.get((await world.row(keyId)).keyHash!)?.disabled).toBe(false)
    expect(await revealSubKey(ctx, { teamId, keyId, userId: ownerId })).toMatchObject({
      kind: 'revealed',
    })
  }
  const reveal = () => revealSubKey(ctx, { teamId, keyId, userId: second })
  await suspendMember(ctx, maker, ownerId, 'away')
  await isLive()
  expect(await reveal()).toEqual({ kind: 'no-key' })
  await resumeMember(ctx, maker, ownerId, 'back')
  await setRole(ctx, maker, 'viewer', ownerId, 'less')
  await isLive()
  expect(await reveal()).toEqual({ kind: 'no-key' })
  await banPerson(ctx, { userId: second, reason: 'spam', actorUserId: ownerId })
  await isLive()
  await removeMember(ctx, maker, ownerId, 'left')
  await world.sweep()
  await isLive()
  expect(await erasePerson(ctx, { userId: second, because: 'asked' })).toEqual({ kind: 'erased' })
  await isLive()

  const other = await keyOf(world, await madeBy(world, { name: 'Nightly' }))
  expect(await removeMember(ctx, { teamId, userId }, ownerId, 'done')).toEqual({ kind: 'done' })
  expect(await world.row(keyId)).toMatchObject({ state: 'ended', reason: 'service-closed' })
  await world.letSettle()
  await checkLedger(world, userId)
  expect(await ask(world, userId, ownerId)).toMatchObject({ reason: 'not-active' })
  expect(await stateOf(world, other)).toBe('ready')
  await closeTeam(ctx, { teamId, slug, actorUserId: ownerId, reason: 'over' })
  expect(await stateOf(world, other)).toBe('ended')
})

test('it is nobody: no owner, no role, no ban, no erasure, and the database keeps it so', async () => {
  const { world, second } = await openWithOwners()
  await using _ = world
  const { ctx, db, teamId, ownerId } = world
  const userId = await madeBy(world)
  const ref = { teamId, userId }
  expect(await setRole(ctx, ref, 'owner', ownerId, 'test')).toEqual({
    kind: 'refused',
    reason: 'no-role',
  })
  await removeMember(ctx, { teamId, userId: second }, second, 'left')
  expect(await removeMember(ctx, { teamId, userId: ownerId }, ownerId, 'left')).toEqual({
    kind: 'refused',
    reason: 'last-owner',
  })
  expect(await banPerson(ctx, { userId, reason: 'x', actorUserId: ownerId })).toEqual({
    kind: 'refused',
    reason: 'no-such-person',
  })
  expect(await erasePerson(ctx, { userId, because: 'retention' })).toEqual({
    kind: 'no-such-person',
  })
  const refused = [
    db.$executeRaw`update keymint.team_members set role = 'owner' where user_id = ${userId}`,
    db.$executeRaw`update keymint.team_members set role = 'service' where user_id = ${ownerId}`,
    db.$executeRaw`update keymint.attendees set email = 'ci@example.org',
      email_normalized = 'ci@example.org' where user_id = ${userId}`,
    db.$executeRaw`
      insert into keymint.identities (provider, provider_user_id, user_id, display_name)
        values ('github', '987', ${userId}, 'CI')`,
    db.$executeRaw`
      insert into keymint.sessions (token_hash, user_id, provider, expires_at)
        values ('0', ${userId}, 'github', now() + interval '1 day')`,
  ]
  for (const change of refused) await expect(change).rejects.toThrow(/service|team_member/)
})

test('its key is handed to a person, and a person’s to it, within their budgets', async () => {
  const { world, member } = await openWithOwners()
  await using _ = world
  const { ctx, teamId, ownerId } = world
  const userId = await madeBy(world)
  await setBudget(
    ctx,
    { teamId, userId: member },
    { budget: usd(30), effective: 'now', reason: 'a test' },
    ownerId,
  )
  const keyId = await keyOf(world, userId)
  await use(world, keyId, 3)
  const hand = (from: string, to: string) =>
    handOverKeys(ctx, { teamId, actorUserId: ownerId, from, to, keyId, reason: 'a test' })
  expect(await listTakers(ctx, { teamId, userId: member })).toContainEqual({
    value: userId,
    label: 'CI (service account)',
  })
  expect(await hand(userId, member)).toEqual({ kind: 'handed', count: 1 })
  const reveal = (by: string) => revealSubKey(ctx, { teamId, keyId, userId: by })
  expect(await reveal(ownerId), 'a person’s key is theirs alone').toEqual({ kind: 'no-key' })
  expect(await reveal(member)).toMatchObject({ kind: 'revealed' })
  expect(await findSubKey(ctx, teamId, keyId)).toMatchObject({
    formerHolder: 'CI',
    formerService: true,
  })
  expect(await hand(member, userId)).toEqual({ kind: 'handed', count: 1 })
  expect(await reveal(member)).toEqual({ kind: 'no-key' })
  expect(await reveal(ownerId)).toMatchObject({ kind: 'revealed' })
  for (const one of [userId, member]) await checkLedger(world, one)
})

test('lists, books and both files show it as what it is, also after it was closed', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, teamId, slug, ownerId } = world
  const userId = await madeBy(world, { name: 'A robot' })
  await use(world, await keyOf(world, userId), 2.5)
  expect((await listMembers(ctx, teamId)).map(({ name, role }) => [name, role]).at(-1)).toEqual([
    'A robot',
    'service',
  ])
  const month = monthOf(ctx.now())
  const scope = { teamId, userId: null, keysOf: null }
  const rows = async (all: AsyncIterable<(string | null)[]>) => {
    const read = []
    for await (const cells of all) read.push(cells)
    return read
  }
  const file = { ...scope, slug, month, actorUserId: ownerId }
  const kind = spendingFields.indexOf('member_kind')
  const spent = await rows(exportSpending(ctx, file))
  expect(spent.map((cells) => [cells[1], cells[kind], cells.at(-1)])).toEqual([
    ['A robot', 'service', '2.500000000'],
  ])
  const ledger = await rows(exportLedger(ctx, file))
  const [member, kindOf] = [ledgerFields.indexOf('member'), ledgerFields.indexOf('member_kind')]
  const own = ledger.filter((cells) => cells[member] === 'A robot')
  expect(own.length).toBeGreaterThan(2)
  expect(ledger.every((cells) => (cells[kindOf] === 'service') === own.includes(cells))).toBe(true)
  await removeMember(ctx, { teamId, userId }, ownerId, 'done')
  await world.letSettle()
  const { members, total } = await readMonth(ctx, scope, month)
  expect(members.find((one) => one.userId === userId)).toMatchObject({
    name: 'A robot',
    service: true,
    gone: true,
    spent: { usd: 2.5 },
  })
  expect(total.usd).toBe(2.5)
})

test('no retention erases one: the books keep its name after it was closed', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { ctx, db, teamId, ownerId } = world
  const userId = await madeBy(world)
  await removeMember(ctx, { teamId, userId }, ownerId, 'done')
  await db.$executeRaw`
    update keymint.attendees set last_seen_at = now() - interval '400 days'
    where user_id = ${userId}`
  ctx.settings = { ...ctx.settings, retentionDays: 30 }
  expect((await applyRetention(ctx)).erased).toBe(0)
  expect(await db.attendee.findUniqueOrThrow({ where: { userId } })).toMatchObject({
    displayName: 'CI',
    erasedAt: null,
  })
})
