/** One poisoned key or item never holds up another: it is set aside with its error, and shown. */
import { expect, test } from 'vitest'
import { giveBack } from '~/domain/claim/end-claim.server'
import { claimRow, poolNow, readyClaims, spend } from '../../../tests/claims'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { openWorld, withService } from '../../../tests/world'
import { applyKey } from './apply.server'
import { deploymentAccount } from './accounts.server'
import { readAccount } from './read-account.server'
import { deleteOldKeys, keyRetentionDays } from './wake.server'

test('with one key whose every call answers 500 all others are read, applied, settled and deleted', async () => {
  await using world = await openWorld()
  const [poisoned, ended, ...live] = await readyClaims(world, 5)
  await world.faults({ rules: [{ match: `* /keys/${poisoned!.hash}`, fault: '500' }] })
  for (const claim of [ended!, ...live]) await spend(world, claim.hash, 0.5)
  await giveBack(world.ctx, poisoned!)
  await giveBack(world.ctx, ended!)
  await letSettle(world)
  for (const claim of live)
    expect((await claimRow(world, claim)).usageUsd.toNumber(), 'read').toBe(0.5)
  expect((await world.ctx.provider.findKey(ended!.hash))?.disabled, 'applied').toBe(true)
  expect((await claimRow(world, ended!)).settledAt, 'settled').not.toBeNull()
  const stuck = await world.db.key.findFirstOrThrow({ where: { hash: poisoned!.hash } })
  expect(stuck).toMatchObject({
    closedAt: null,
    applyError: { reason: 'server-error', status: 500 },
  })
  // What it may still spend stays held, and nothing else does.
  expect((await poolNow(world)).committed).toBe(2 + 0.5 + 3 * 2)

  await travel(world, (keyRetentionDays + 1) * 86_400_000)
  await deleteOldKeys(world.ctx)
  await work(world)
  expect(await world.ctx.provider.findKey(ended!.hash), 'deleted').toBeNull()

  await world.clearFaults()
  await letSettle(world)
  expect((await claimRow(world, poisoned!)).settledAt).not.toBeNull()
})

test('an item of a list that nobody can read is counted, and the others of its page are read', async () => {
  await using world = await openWorld()
  const claims = await readyClaims(world, 4)
  for (const claim of claims) await spend(world, claim.hash, 0.25)
  await world.db.$executeRaw`update keymint.keys set saved_at = saved_at - interval '1 min'`
  const [bad, ...others] = claims
  const garbled = withService(world.ctx, (real) => ({
    async *listKeys(credential, options) {
      for await (const page of real.listKeys(credential, options)) {
        const keys = page.keys.filter((key) => key.id !== bad!.hash)
        yield { keys, unreadable: page.unreadable + page.keys.length - keys.length }
      }
    },
  }))
  expect(await readAccount(garbled, deploymentAccount)).toEqual({ kind: 'done' })
  for (const claim of others) expect((await claimRow(world, claim)).usageUsd.toNumber()).toBe(0.25)
  expect((await claimRow(world, bad!)).upstreamMissingAt).toBeNull()
  await readAll(world)
  expect((await claimRow(world, bad!)).usageUsd.toNumber()).toBe(0.25)
})

test('a reading that the database cannot keep is set aside, and its neighbours are kept', async () => {
  await using world = await openWorld()
  const [bad, good] = await readyClaims(world, 2)
  for (const claim of [bad!, good!]) await spend(world, claim.hash, 0.25)
  const garbled = withService(world.ctx, (real) => ({
    async *listKeys(credential, options) {
      for await (const page of real.listKeys(credential, options))
        yield {
          ...page,
          keys: page.keys.map((key) =>
            key.id === bad!.hash ? { ...key, usage: 10n ** 30n, cap: 10n ** 40n } : key,
          ),
        }
    },
  }))
  await readAccount(garbled, deploymentAccount)
  expect((await claimRow(world, good!)).usageUsd.toNumber()).toBe(0.25)
  const kept = await world.db.key.findFirstOrThrow({ where: { hash: bad!.hash } })
  expect(kept).toMatchObject({ readTries: 1 })
  expect(kept.readError).not.toBeNull()
  expect(await applyKey(world.ctx, kept.id)).toEqual({ kind: 'done' })
})
