/**
 * Sub-keys through the real engine, the real worker and the stand-ins of both services: made, used,
 * changed, replaced, ended.
 */
import { expect, test } from 'vitest'
import { decimalStringFromNano } from '~/money'
import { openWorld, usd, type World } from '../../../tests/world'
import { openLiteLlm, openTeam, type Team, type Wish } from '../../../tests/team'
import { teamScope } from '../money/member-lock.server'
import { createTeam, findMembership } from './team.server'
import { disableKey } from '../vault/vault.server'
import { openAccount } from '../keys/accounts.server'
import { readAccount } from '../keys/read-account.server'
import { deleteOldKeys, keyRetentionDays } from '../keys/wake.server'
import { travel } from '../../../tests/engine'
import { oneMember, provision as provisionFor } from '../../../tests/ledger'
import { runMint } from '../keys/mint.server'
import { pauseMinting, resumeMinting } from '../keys/pause.server'
import { findSubKey } from './sub-key-view.server'
import { revealSubKey } from './reveal.server'
import { changeCap, deleteSubKey, provisionSubKey, rotateSubKey } from './sub-key.server'

const teamOptions = { slug: 'makers', budget: 100 }
const provision = (team: Team, masterKeyId: string, wish: Wish = {}) =>
  team.provision(masterKeyId, {
    cap: usd(20),
    expiresAt: new Date(Date.now() + 30 * 86_400_000),
    ...wish,
  })
const stateOf = async (team: Team, keyId: string) => (await team.row(keyId)).state
const monthOf = (world: World) => world.db.budgetMonth.findFirstOrThrow()

const services = {
  openrouter: async (world: World, team: Team) => {
    const spend = (hash: string, amount: number) =>
      world.call('/__sim/spend', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ hash, usd: amount }),
      })
    return {
      masterKeyId: await team.deposit('openrouter', {
        secret: world.upstream.managementKey,
        baseUrl: null,
      }),
      spend,
      models: [],
    }
  },
  litellm: async (world: World, team: Team) => {
    const litellm = await openLiteLlm(world)
    const spend = (hash: string, amount: number) =>
      litellm.control('POST', 'spend', { hash, usd: amount })
    return {
      masterKeyId: await team.deposit('litellm', {
        secret: litellm.masterKey,
        baseUrl: litellm.baseUrl,
      }),
      spend,
      models: ['gpt-5-nano'],
    }
  },
}

for (const service of ['openrouter', 'litellm'] as const) {
  test(
    `a key at ${service} is in the ledger from its request to its end, with real workers`,
    { timeout: 120_000 },
    async () => {
      await using world = await openWorld()
      const team = await openTeam(world, teamOptions)
      const { masterKeyId, spend, models } = await services[service](world, team)
      await world.startWorkerHere(2)
      const eventually = (read: () => Promise<unknown>) =>
        expect.poll(read, { timeout: 40_000, interval: 250 })
      const money = async () => {
        const { committedUsd, spentUsd, freeUsd } = await monthOf(world)
        return [committedUsd, spentUsd, freeUsd].map(Number)
      }

      const keyId = await provision(team, masterKeyId, { models })
      await eventually(() => stateOf(team, keyId)).toBe('ready')
      const actor = { teamId: team.teamId, userId: team.ownerId, keyId }
      const shown = await revealSubKey(world.ctx, actor)
      expect(shown).toMatchObject({
        kind: 'revealed',
        key: expect.stringMatching(/^sk-/) as string,
      })
      const { adapter, credential } = (await openAccount(world.ctx, masterKeyId))!
      const upstream = (hash: string) => adapter.findKey(credential, hash)
      const keyRow = (generation: number) =>
        world.db.key.findFirstOrThrow({ where: { holderId: keyId, generation } })
      const first = (await team.row(keyId)).keyHash!
      expect(await upstream(first)).toMatchObject({
        cap: usd(20),
        name: expect.stringMatching(/\/team\.makers\//) as string,
      })

      await spend(first, 5)
      await readAccount(world.ctx, masterKeyId)
      expect(await money()).toEqual([15, 5, 80])

      expect(await changeCap(world.ctx, actor, { cap: usd(40), reason: 'more' })).toEqual({
        kind: 'asked',
      })
      await eventually(async () => (await upstream(first))?.cap).toBe(usd(40))
      await eventually(async () => {
        const { revision, seenRevision } = await keyRow(1)
        return seenRevision - revision
      }).toBe(0)
      expect(await money()).toEqual([35, 5, 60])

      expect(await rotateSubKey(world.ctx, actor, 'leaked')).toEqual({ kind: 'asked' })
      // One read: in two, the old generation's state could be seen with the new generation.
      const generation = async () => {
        const { state, generation } = await team.row(keyId)
        return { state, generation }
      }
      await eventually(generation).toEqual({ state: 'ready', generation: 2 })
      const second = (await team.row(keyId)).keyHash!
      // Until two readings of the old key agree, what it may have used holds back the new one's cap.
      expect([(await upstream(first))?.disabled, (await upstream(second))?.cap]).toEqual([
        true,
        1_000n,
      ])
      expect((await money())[2]).toBe(60)
      for (const seconds of [35, 35]) {
        await travel(world, seconds * 1000)
        await readAccount(world.ctx, masterKeyId)
      }
      await eventually(async () => (await upstream(second))?.cap).toBe(usd(35))
      expect(await money()).toEqual([35, 5, 60])
      const replaced = await revealSubKey(world.ctx, actor)
      expect(
        replaced.kind === 'revealed' && shown.kind === 'revealed' && replaced.key !== shown.key,
      ).toBe(true)

      await spend(second, 2)
      await deleteSubKey(world.ctx, actor, 'done')
      await eventually(async () => (await keyRow(2)).closedAt !== null).toBe(true)
      expect(await revealSubKey(world.ctx, actor)).toEqual({ kind: 'no-key' })
      expect((await keyRow(2)).sealed).toBeNull()
      for (const seconds of [35, 35, 65, 305, 65]) {
        await travel(world, seconds * 1000)
        await readAccount(world.ctx, masterKeyId)
      }
      expect(await money()).toEqual([0, 7, 93])
      // Both generations are settled and off, at what they used; a week later they are deleted there.
      for (const [generation, hash] of [
        [1, first],
        [2, second],
      ] as const) {
        expect((await keyRow(generation)).settledAt).not.toBeNull()
        expect((await upstream(hash))?.disabled).toBe(true)
      }
      await travel(world, (keyRetentionDays * 24 + 1) * 3_600_000)
      await deleteOldKeys(world.ctx)
      await eventually(async () => [await upstream(first), await upstream(second)]).toEqual([
        null,
        null,
      ])
      const [ledger] = await world.db.$queryRaw<
        { spent: string }[]
      >`select sum(amount_usd)::text as spent from keymint.transactions where to_account = 'spent'`
      expect(ledger?.spent).toBe(decimalStringFromNano(usd(7)))
      const secrets = [shown, replaced].flatMap((one) => (one.kind === 'revealed' ? [one.key] : []))
      const written = JSON.stringify([
        await world.db.auditEvent.findMany({ select: { details: true, subject: true } }),
        world.logLines,
        await world.db.$queryRaw`select data, output from pgboss.job`,
      ])
      for (const secret of secrets) expect(written).not.toContain(secret)
    },
  )
}

// Existing keys can still be lowered and deleted.
test('with a disabled master key nothing new is made, raised or replaced', async () => {
  await using world = await openWorld()
  const team = await openTeam(world, teamOptions)
  const { masterKeyId } = await services.openrouter(world, team)
  await world.startWorkerHere(2)
  const keyId = await provision(team, masterKeyId)
  await expect.poll(() => stateOf(team, keyId), { timeout: 40_000 }).toBe('ready')
  await disableKey(world.ctx, {
    teamId: team.teamId,
    userId: team.ownerId,
    scope: teamScope(team.slug),
    masterKeyId,
  })
  const actor = { teamId: team.teamId, userId: team.ownerId, keyId }
  await expect(provision(team, masterKeyId)).rejects.toThrow('no-master-key')
  expect(await changeCap(world.ctx, actor, { cap: usd(30), reason: 'x' })).toMatchObject({
    reason: 'no-master-key',
  })
  expect(await rotateSubKey(world.ctx, actor, 'x')).toMatchObject({ reason: 'no-master-key' })
  expect(await changeCap(world.ctx, actor, { cap: usd(10), reason: 'x' })).toEqual({
    kind: 'asked',
  })
  await expect
    .poll(async () => Number((await team.row(keyId)).capUsd), { timeout: 40_000 })
    .toBe(10)
})

test('what a service cannot do is refused before anything is set aside', async () => {
  await using world = await openWorld()
  const team = await openTeam(world, teamOptions)
  const { masterKeyId } = await services.openrouter(world, team)
  const outcome = await provisionSubKey(world.ctx, {
    teamId: team.teamId,
    userId: team.ownerId,
    masterKeyId,
    purpose: 'a test',
    cap: usd(1),
    reset: null,
    expiresAt: new Date(Date.now() + 86_400_000),
    models: [],
    options: { gpu: 'any' },
  })
  expect(outcome).toEqual({ kind: 'refused', reason: 'not-offered' })
  expect(Number((await monthOf(world)).committedUsd)).toBe(0)
})

test('a master key of another team cannot be used', async () => {
  await using world = await openWorld()
  const team = await openTeam(world, teamOptions)
  const [stranger] = await world.people(1)
  await createTeam(world.ctx, {
    name: 'Others',
    slug: 'others',
    person: { userId: stranger!.userId, banned: null },
  })
  const theirs = (await findMembership(world.ctx, 'others', stranger!.userId))!
  const { masterKeyId } = await services.openrouter(world, team)
  const outcome = await provisionSubKey(world.ctx, {
    teamId: theirs.teamId,
    userId: stranger!.userId,
    masterKeyId,
    purpose: 'x',
    cap: usd(1),
    reset: null,
    expiresAt: new Date(Date.now() + 86_400_000),
    models: [],
  })
  expect(outcome).toEqual({ kind: 'refused', reason: 'no-master-key' })
})

test('a member whose key waits for a pause reads why, until it is over', async () => {
  await using world = await oneMember(10)
  const asked = await provisionFor(world, { cap: 2 })
  const keyId = asked.kind === 'queued' ? asked.keyId : ''
  await pauseMinting(world.ctx, { actorUserId: 'github:staff', reason: 'Back at two.' })
  const [mint] = await world.db.mint.findMany({ where: { state: 'pending' } })
  await runMint(world.ctx, mint!.id)
  const delay = async () => (await findSubKey(world.ctx, world.teamId, keyId))?.delay
  expect(await delay()).toMatchObject({ reason: 'paused', detail: 'Back at two.' })
  await resumeMinting(world.ctx, { actorUserId: 'github:staff' })
  expect((await delay())?.detail ?? null).toBeNull()
})
