/** Members' keys at a team's own account: the same rules as for claims, and failures that are shown. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { setBudget } from '~/domain/money/budgets.server'
import {
  changeCap,
  deleteSubKey,
  provisionSubKey,
  rotateSubKey,
} from '~/domain/team/sub-key.server'
import { findSubKey } from '~/domain/team/sub-key-view.server'
import { createTeam, findMembership } from '~/domain/team/team.server'
import { depositKey } from '~/domain/vault/vault.server'
import { spend } from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { openWorld, usd, type World } from '../../../tests/world'

/** A team whose owner has a budget of 5 USD and a key of 1 USD at an OpenRouter account. */
async function openKey(world: World) {
  const [owner] = await world.people(1)
  const userId = owner!.userId
  const slug = `team-${randomUUID().slice(0, 8)}`
  await createTeam(world.ctx, { name: 'A team', slug, person: { userId, banned: null } })
  const { teamId } = (await findMembership(world.ctx, slug, userId))!
  const secret = world.upstream.managementKey
  const place = { teamId, scope: `team.${slug}`, userId, service: 'openrouter' }
  const deposited = await depositKey(world.ctx, { ...place, secret, baseUrl: null })
  if (deposited.kind !== 'deposited') throw new Error(deposited.kind)
  await setBudget(
    world.ctx,
    { teamId, userId },
    { budget: usd(5), effective: 'now', reason: '' },
    userId,
  )
  const provisioned = await provisionSubKey(world.ctx, {
    teamId,
    userId,
    masterKeyId: deposited.masterKeyId,
    purpose: 'a test',
    cap: usd(1),
    reset: null,
    expiresAt: new Date(Date.now() + 20 * 86_400_000),
    models: [],
  })
  if (provisioned.kind !== 'queued') throw new Error(provisioned.reason)
  await work(world)
  const { keyId } = provisioned
  return { teamId, keyId, actor: { teamId, userId, keyId } }
}
const keyOf = (world: World, holderId: string) =>
  world.db.key.findFirstOrThrow({ where: { holderId }, orderBy: { generation: 'desc' } })
const upstream = async (world: World, holderId: string) =>
  world.ctx.provider.findKey((await keyOf(world, holderId)).hash!)

test('a key deleted while the provider refuses says that it is not disabled yet, until it is', async () => {
  await using world = await openWorld()
  const { teamId, keyId, actor } = await openKey(world)
  await world.faults({ rules: [{ match: '*', fault: '401' }] })
  await deleteSubKey(world.ctx, actor, 'a test')
  await work(world)
  expect((await findSubKey(world.ctx, teamId, keyId))!.phase).not.toBe('ended')
  expect((await keyOf(world, keyId)).closedAt).toBeNull()
  await world.clearFaults()
  await work(world)
  expect((await upstream(world, keyId))?.disabled ?? true).toBe(true)
  expect((await keyOf(world, keyId)).closedAt).not.toBeNull()
})

test('rotated again and again before the provider counts: all keys together stay within the cap', async () => {
  await using world = await openWorld()
  await world.faults({ usageLagMs: 600_000 })
  const { keyId, actor } = await openKey(world)
  let spent = 0
  for (let round = 0; round < 4; round++) {
    const key = await keyOf(world, keyId)
    const limit = Number((await world.ctx.provider.findKey(key.hash!))!.limit) / 1e9
    await spend(world, key.hash!, limit)
    spent += limit
    await rotateSubKey(world.ctx, actor, 'a test')
    await work(world)
    await travel(world, 600_000)
  }
  expect(spent).toBeLessThan(1.0001)
})

test('a key that was disabled by hand at the provider is seen as such, and is not enabled unasked', async () => {
  await using world = await openWorld()
  const { keyId } = await openKey(world)
  await world.ctx.provider.updateKey((await keyOf(world, keyId)).hash!, { disabled: true })
  await travel(world, 20_000)
  await readAll(world)
  await work(world)
  expect((await keyOf(world, keyId)).seenOff).toBe(true)
  expect((await upstream(world, keyId))!.disabled).toBe(true)
})

test('money of a key whose credential is dead returns a day after the end that the provider echoed', async () => {
  await using world = await openWorld()
  const { keyId } = await openKey(world)
  await world.faults({ rules: [{ match: '*', fault: '401' }] })
  await travel(world, 20 * 86_400_000 + 3 * 60_000)
  await work(world)
  expect((await keyOf(world, keyId)).closedAt).not.toBeNull()
  await travel(world, 25 * 3_600_000)
  await readAll(world)
  expect((await keyOf(world, keyId)).settledAt).not.toBeNull()
})

test('a reading of billions at a key of one dollar books nothing', async () => {
  await using world = await openWorld()
  const { keyId } = await openKey(world)
  await spend(world, (await keyOf(world, keyId)).hash!, 5_000_000)
  await travel(world, 20_000)
  await readAll(world)
  expect((await keyOf(world, keyId)).usedUsd.toNumber()).toBe(0)
})

test('a member’s key that is deleted gives back what was not used, once', async () => {
  await using world = await openWorld()
  const { keyId, actor } = await openKey(world)
  await spend(world, (await keyOf(world, keyId)).hash!, 0.25)
  await deleteSubKey(world.ctx, actor, 'a test')
  await letSettle(world)
  const months = await world.db.keyMonth.findMany({ where: { apiKeyId: keyId } })
  expect(months.reduce((sum, month) => sum + month.spentUsd.toNumber(), 0)).toBe(0.25)
  expect(months.reduce((sum, month) => sum + month.committedUsd.toNumber(), 0)).toBe(0)
})

test('a key of which a former one took all of the cap works again when the cap is raised', async () => {
  await using world = await openWorld()
  await world.faults({ usageLagMs: 600_000 })
  const { keyId, actor } = await openKey(world)
  await spend(world, (await keyOf(world, keyId)).hash!, 1)
  await rotateSubKey(world.ctx, actor, 'a test')
  await work(world)
  await world.faults({ usageLagMs: 0 })
  await letSettle(world)
  expect((await upstream(world, keyId))!.limit).toBe(1_000n)
  await changeCap(world.ctx, actor, { cap: usd(3), reason: 'a test' })
  await work(world)
  expect(await upstream(world, keyId)).toMatchObject({ disabled: false, limit: usd(2) })
})
