import { expect, test } from 'vitest'
import { setBudget } from '../money/budgets.server'
import { NotAllowed, TeamClosed } from '../money/member-lock.server'
import { destroyKey } from '../vault/destroy.server'
import { disableKey, enableKey, holdsCredential } from '../vault/vault.server'
import { rounds } from '../../../tests/rounds'
import { checkLedger } from '../../../tests/ledger-check'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { closeTeam } from './close.server'
import { renameTeam } from './rename.server'
import { deleteSubKey, provisionSubKey } from './sub-key.server'

const destroy = (world: TeamWorld, userId = world.ownerId, masterKeyId = world.masterKeyId) =>
  destroyKey(world.ctx, {
    teamId: world.teamId,
    scope: world.scope,
    userId,
    masterKeyId,
    reason: 'test',
  })

async function makeKey(world: TeamWorld) {
  const { ctx, teamId, ownerId: userId, masterKeyId } = world
  return provisionSubKey(ctx, {
    teamId,
    userId,
    masterKeyId,
    purpose: 'a test',
    cap: usd(1),
    reset: null,
    expiresAt: new Date(ctx.now().getTime() + 86_400_000),
    models: [],
  })
}

const withBudget = (world: TeamWorld) =>
  setBudget(
    world.ctx,
    { teamId: world.teamId, userId: world.ownerId },
    { budget: usd(100), effective: 'now', reason: '' },
    world.ownerId,
  )

test('a credential is deleted when none of its keys is needed, and the books stay', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, teamId, ownerId, masterKeyId, scope } = world
  await withBudget(world)
  const key = await makeKey(world)
  if (key.kind !== 'queued') throw new Error(key.reason)
  expect(await destroy(world)).toBe('still-needed')
  await world.mint(key.keyId)
  expect(await destroy(world)).toBe('still-needed')
  await deleteSubKey(ctx, { teamId, userId: ownerId, keyId: key.keyId }, 'over')
  expect(await destroy(world)).toBe('still-needed')
  await world.moveClock(20 * 60_000)
  await world.sweep()
  await world.letSettle()

  await expect(destroy(world, world.memberIds[0])).rejects.toThrow(NotAllowed)
  expect(await destroy(world)).toBe('destroyed')
  expect(await destroy(world)).toBe('no-such-credential')
  expect(await world.db.masterKey.findFirstOrThrow({ where: { id: masterKeyId } })).toMatchObject({
    sealed: null,
    state: 'disabled',
    destroyedAt: expect.any(Date) as Date,
  })
  const by = { teamId, scope, userId: ownerId, masterKeyId }
  expect(await holdsCredential(world.ctx, teamId, masterKeyId)).toBe(false)
  expect([await enableKey(ctx, by), await disableKey(ctx, by)]).toEqual([false, false])
  expect(await makeKey(world)).toEqual({ kind: 'refused', reason: 'no-master-key' })
  expect(await world.db.apiKey.count()).toBe(1)
  await checkLedger(world)
})

test('an owner of one team deletes no credential of another', async () => {
  await using world = await openTeamWorld({ members: 0 })
  await using other = await openTeamWorld({ members: 0 })
  expect(await destroy(world, world.ownerId, other.masterKeyId)).toBe('no-such-credential')
})

const races = rounds(40)
test(`${races} races of a deletion with a key: the key exists and so does its credential, or neither`, async () => {
  await using world = await openTeamWorld({ members: 0 })
  await withBudget(world)
  for (let round = 0; round < races; round++) {
    const masterKeyId = await world.deposit(world.service.service, {
      secret: `sk-of-round-number-${round}`,
      baseUrl: null,
    })
    const [key, end] = await Promise.all([
      makeKey({ ...world, masterKeyId }),
      destroy(world, world.ownerId, masterKeyId),
    ])
    expect([key.kind, end]).toEqual(
      key.kind === 'queued' ? ['queued', 'still-needed'] : ['refused', 'destroyed'],
    )
  }
})

test('an owner renames a team; its address stays, and nobody else can', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const { ctx, teamId, slug, ownerId: actorUserId } = world
  const rename = (name: string, by = actorUserId) =>
    renameTeam(ctx, { teamId, slug, actorUserId: by, name })
  expect(await rename('  Research  ')).toBe(true)
  expect(await rename('Research')).toBe(true)
  expect([await rename('   '), await rename('x'.repeat(81))]).toEqual([false, false])
  await expect(rename('Mine', world.memberIds[0])).rejects.toThrow(NotAllowed)
  expect(await world.db.team.findFirstOrThrow({ where: { id: teamId } })).toMatchObject({
    name: 'Research',
    slug,
  })
  expect(await world.db.auditEvent.count({ where: { action: 'team.renamed' } })).toBe(1)
  await closeTeam(ctx, { teamId, slug, actorUserId, reason: 'over' })
  await expect(rename('Again')).rejects.toThrow(TeamClosed)
})
