/** Erasure of somebody who was in a team: the books stay exact, and say nothing of who it was. */
import { expect, test } from 'vitest'
import { openWorld } from '../../../tests/world'
import { erasePerson, findErasureBlocks } from './erase.server'

test('a member leaves first; then the ledger keeps every posting under a name that says nothing', async () => {
  await using world = await openWorld()
  const [owner, member] = await world.people(2)
  const { db } = world
  const [team] = await db.$queryRaw<{ id: string }[]>`
    insert into keymint.teams (slug, name, created_by) values ('lab', 'The lab', ${owner!.userId}) returning id`
  for (const [userId, role] of [
    [owner!.userId, 'owner'],
    [member!.userId, 'member'],
  ])
    await db.$executeRaw`
      insert into keymint.team_members (team_id, user_id, role) values (${team!.id}::uuid, ${userId}, ${role})`
  await db.$executeRaw`
    insert into keymint.budget_months (team_id, user_id, month)
      values (${team!.id}::uuid, ${member!.userId}, '2026-11-01')`
  await db.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account, amount_usd,
      actor)
    values (now(), ${team!.id}::uuid, ${member!.userId}, '2026-11-01', 'allocate', 'unallocated', 'free', 100,
      ${`user:${owner!.userId}`})`

  expect(await findErasureBlocks(world.ctx, db, member!.userId)).toEqual([
    { teamSlug: 'lab', teamName: 'The lab', kind: 'in-team' },
  ])
  expect((await erasePerson(world.ctx, { userId: member!.userId, because: 'asked' })).kind).toBe(
    'blocked',
  )
  await db.$executeRaw`
    update keymint.team_members set state = 'removed', removed_at = now() where user_id = ${member!.userId}`
  expect(await erasePerson(world.ctx, { userId: member!.userId, because: 'asked' })).toEqual({
    kind: 'erased',
  })

  const [posting] = await db.transaction.findMany()
  expect(posting?.userId).toMatch(/^erased:/)
  expect(Number(posting?.amountUsd)).toBe(100)
  await expect(db.$executeRaw`update keymint.transactions set amount_usd = 1`).rejects.toThrow(
    /append-only/,
  )
  await expect(
    db.$executeRaw`update keymint.transactions set user_id = 'erased:me'`,
  ).rejects.toThrow(/append-only/)
})
