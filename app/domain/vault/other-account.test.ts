/** A credential of another provider account in the place of the old one: nothing is believed gone. */
import { expect, test } from 'vitest'
import { startLiteLlm } from '../../../simulators/litellm/server'
import { letSettle, readAll } from '../../../tests/engine'
import { openTeamWithServices } from '../../../tests/team'
import { openWorld } from '../../../tests/world'
import { runMint } from '../keys/mint.server'
import { replaceKey } from './vault.server'

test('a credential of another provider account does not replace one whose keys it cannot see', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const id = await team.depositLiteLlm()
  await runMint(world.ctx, (await team.request(id)).mintId)
  const other = await startLiteLlm()
  world.onClose(() => other.stop())
  const outcome = await replaceKey(world.ctx, {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId: id,
    userId: team.userId,
    secret: other.masterKey,
    baseUrl: other.baseUrl,
  })
  expect(outcome).toEqual({ kind: 'refused', reason: 'other-account' })
  expect(await world.db.masterKey.findUniqueOrThrow({ where: { id } })).toMatchObject({
    generation: 1,
    baseUrl: team.litellm.baseUrl,
  })
})

test('a credential that replaces a dead one confirms no absence: the key before it keeps its money', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const id = await team.depositLiteLlm()
  const { mintId, keyId } = await team.request(id)
  await runMint(world.ctx, mintId)
  await readAll(world)
  // Revoked after a leak: the old one answers nothing, and the new one is of another account.
  const other = await startLiteLlm()
  world.onClose(() => other.stop())
  await team.sim('POST', 'faults', { rules: [{ match: '*', fault: '401' }] })
  const outcome = await replaceKey(world.ctx, {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId: id,
    userId: team.userId,
    secret: other.masterKey,
    baseUrl: other.baseUrl,
  })
  expect(outcome).toEqual({ kind: 'replaced' })
  // A key that it makes proves nothing of the one before.
  await runMint(world.ctx, (await team.request(id)).mintId)
  await team.endKey(keyId)
  await letSettle(world)
  const before = await world.db.key.findFirstOrThrow({ where: { holderId: keyId } })
  expect(before).toMatchObject({ missingAt: null, closedAt: null, settledAt: null })
})
