/**
 * What is deleted of the keys at a team's own service, and what never is: only what an attempt of
 * ours has made with the same credential.
 */
import { expect, test } from 'vitest'
import { runMint } from '~/domain/keys/mint.server'
import { keysAt, readList } from '../../../tests/service-account'
import { openTeamWithServices } from '../../../tests/team'
import { openWorld, usd, withService } from '../../../tests/world'
import { openAccount } from './accounts.server'
import { applyKey } from './apply.server'
import { sendAccountReads } from './read-account.server'
import { planReconcile } from './reconcile.server'

const foreign = {
  name: 'somebody-elses',
  keyId: '0b6c1b1e-0000-4000-8000-000000000001',
  cap: usd(1),
  reset: null,
  expiresAt: null,
  models: null,
  options: {},
}

test('reconcile touches only what is provably ours, and deletes what is condemned, also when unlisted', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const account = await team.depositLiteLlm()
  const [held, doomed] = [await team.request(account), await team.request(account)]
  for (const { mintId } of [held, doomed]) await runMint(world.ctx, mintId)
  const { adapter, credential } = (await openAccount(world.ctx, account))!
  await adapter.createKey(credential, foreign)
  const backup = `km/${world.ctx.installationId}/team.a-team/from-a-backup`
  await adapter.createKey(credential, { ...foreign, name: backup })
  expect(await readList(world, account)).toMatchObject({
    listed: 4,
    read: 2,
    orphansDeleted: 0,
    orphansLeft: 0,
    missing: 0,
    unexplained: [backup],
  })

  // A create that lands late: its attempt has long been in doubt, and the service loses the first
  // delete.
  const late = (
    await adapter.createKey(credential, {
      ...foreign,
      name: `km/${world.ctx.installationId}/team.a-team/late`,
    })
  ).id
  await world.db.mintAttempt.create({
    data: {
      id: crypto.randomUUID(),
      mintId: held.mintId,
      token: crypto.randomUUID(),
      name: `km/${world.ctx.installationId}/team.a-team/late`,
      state: 'unknown',
    },
  })
  const condemned = () => world.db.mintAttempt.findMany({ where: { state: 'condemned' } })
  await team.sim('POST', 'faults', {
    rules: [{ match: 'POST /key/delete', fault: '503', times: 1 }],
  })
  expect(await readList(world, account)).toMatchObject({ orphansDeleted: 0 })
  expect(await condemned()).toMatchObject([{ keyHash: late, deletedAt: null }])
  expect(await adapter.findKey(credential, late)).not.toBeNull()
  // The next pass finds it by its row: its list does not show it.
  const without = withService(
    world.ctx,
    (real) => ({
      async *listKeys(of, options) {
        for await (const { keys, unreadable } of real.listKeys(of, options))
          yield { keys: keys.filter((key) => key.id !== late), unreadable }
      },
    }),
    'litellm',
  )
  expect(await readList({ ctx: without }, account)).toMatchObject({
    listed: 4,
    orphansDeleted: 1,
    orphansLeft: 0,
  })
  expect((await keysAt(world, account)).map((key) => key.name).sort()).toEqual(
    [
      backup,
      'somebody-elses',
      ...(await world.db.mintAttempt.findMany({ where: { state: 'saved' } })).map(
        (attempt) => attempt.name,
      ),
    ].sort(),
  )
  expect(await sendAccountReads(world.ctx)).toBe(1)
  expect(world.logLines.join('\n')).not.toContain(team.litellm.masterKey)
})

test('a mint under way is no orphan, and one that was taken over after its answer leaves nothing', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const account = await team.depositLiteLlm()
  const litellm = world.ctx.services.get('litellm')!
  const during = (meanwhile: (name: string) => Promise<unknown>) => ({
    ...world.ctx,
    services: new Map([
      [
        'litellm',
        {
          ...litellm,
          createKey: async (...[credential, key]: Parameters<typeof litellm.createKey>) => {
            const made = await litellm.createKey(credential, key)
            await meanwhile(key.name)
            return made
          },
        },
      ],
    ]),
  })
  const first = await team.request(account)
  await runMint(
    during(() => readList(world, account)),
    first.mintId,
  )
  expect((await team.row(first.keyId)).state).toBe('ready')
  const second = await team.request(account)
  await runMint(
    during(
      (name) =>
        world.db
          .$executeRaw`update keymint.mint_attempts set state = 'condemned' where name = ${name}`,
    ),
    second.mintId,
  )
  expect((await team.row(second.keyId)).state).toBe('pending')
  expect(await keysAt(world, account)).toHaveLength(1)
})

test('a key is deleted only where its own account made it, and twice does no harm', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const [account, other] = [await team.depositLiteLlm(), await team.depositOpenRouter()]
  const { keyId, mintId, rowId } = await team.request(account)
  await runMint(world.ctx, mintId)
  const hash = (await team.row(keyId)).keyHash!
  const { adapter, credential } = (await openAccount(world.ctx, account))!
  const made = await adapter.createKey(credential, foreign)
  await team.changeCap(keyId, usd(3))
  expect((await adapter.findKey(credential, hash))?.cap).toBe(usd(3))
  await team.endKey(keyId)
  expect(await adapter.findKey(credential, hash)).toMatchObject({ disabled: true, cap: 1_000n })
  const before = await world.calls()
  await world.db.key.update({ where: { id: rowId }, data: { deleteWanted: true } })
  await team.sim('POST', 'faults', {
    rules: [{ match: 'POST /key/delete', fault: '503', times: 1 }],
  })
  const apply = () => applyKey(world.ctx, rowId, { ignoreBackoff: true })
  expect(await apply()).toMatchObject({ kind: 'snooze' })
  expect(await team.keyRow(keyId)).toMatchObject({ deletedAt: null })
  expect(await apply()).toEqual({ kind: 'done' })
  expect(await apply()).toEqual({ kind: 'done' })
  await adapter.deleteKey(credential, hash)
  expect((await keysAt(world, account)).map((key) => key.id)).toEqual([made.id])
  expect(await world.calls(), 'the other account is asked nothing').toEqual(before)
  expect((await openAccount(world.ctx, other))?.service).toBe('openrouter')
  expect(await openAccount(world.ctx, crypto.randomUUID())).toBeNull()
})

test('keys that a team makes in the provider account of the site are left to the team by the check', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const { mintId } = await team.request(await team.depositOpenRouter())
  await runMint(world.ctx, mintId)
  expect(await planReconcile(world.ctx)).toMatchObject({ upstream: 0, drifts: [] })
})
