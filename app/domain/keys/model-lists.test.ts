/**
 * The loop that brings a key's models to the provider: crashes between steps, lost and late answers,
 * what others have there, and what the provider makes otherwise than asked.
 */
import { expect, test } from 'vitest'
import type { ServiceGuardrails } from '~/adapters/service-adapter'
import { nano, openModelTeam, opus, sonnet } from '../../../tests/model-team'
import { openWorld, usd, withService, type World } from '../../../tests/world'
import type { Ctx } from '../ctx'
import { findSubKey } from '../team/sub-key-view.server'
import { revealSubKey } from '../team/reveal.server'
import { applyKey } from './apply.server'
import { readAccount } from './read-account.server'
import { sendModelsAgain } from './wake.server'

const guardrailsOf = (world: World) => world.ctx.provider.listGuardrails()
const apply = (ctx: Ctx, rowId: string) => applyKey(ctx, rowId, { ignoreBackoff: true })
const assign = 'POST /guardrails/*/assignments/keys'

const assignments = async (world: World) =>
  Object.entries(await world.calls())
    .filter(([call]) => /^POST .*assignments\/keys$/.test(call))
    .reduce((sum, [, count]) => sum + count, 0)

/** The account's guardrails answer differently where a test says so. */
const withGuardrails = (
  ctx: Ctx,
  change: (real: ServiceGuardrails) => Partial<ServiceGuardrails>,
): Ctx =>
  withService(ctx, (real) => ({
    guardrails: (credential) => {
      const calls = real.guardrails!(credential)
      return { ...calls, ...change(calls) }
    },
  }))

test('one list is one guardrail of the account, for every key and every order of names', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await team.make(masterKeyId, [nano, sonnet])
  const { hash } = await team.make(masterKeyId, [sonnet, nano])
  await team.make(masterKeyId, [opus])
  const guardrails = await guardrailsOf(world)
  expect(guardrails).toHaveLength(2)
  expect(guardrails.map(({ limitUsd }) => limitUsd)).toEqual([null, null])
  const both = guardrails.find(({ allowedModels }) => allowedModels?.length === 2)
  expect((await world.ctx.provider.listAssignedHashes(both!.id)).has(hash)).toBe(true)
})

test('a guardrail of our name that is not ours is never changed; ours has a name of its own', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await team.make(masterKeyId, [nano])
  const [first] = await guardrailsOf(world)
  const foreign = await world.ctx.provider.updateGuardrail(first!.id, {
    name: first!.name,
    description: 'keymint 0123456789ab: of another installation',
    limit: usd(7),
    allowedModels: [opus],
  })
  await world.db.modelGuardrail.deleteMany()
  const { keyId } = await team.make(masterKeyId, [nano])
  const all = await guardrailsOf(world)
  expect(all.find(({ id }) => id === foreign.id)).toMatchObject({
    allowedModels: foreign.allowedModels,
    limitUsd: usd(7),
  })
  const ours = all.find(({ id }) => id !== foreign.id)
  expect(ours!.name).toBe(`${foreign.name}-${world.ctx.installationId}`)
  expect([await team.use(keyId, nano), await team.use(keyId, opus)]).toEqual([200, 404])
})

test('a failed assignment takes the key from nobody: it is shown after five seconds, as not limited yet', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await world.faults({ bindFails: true })
  const { keyId, rowId } = await team.make(masterKeyId, [nano])
  const reveal = () => revealSubKey(world.ctx, { teamId: team.teamId, keyId, userId: team.userId })
  const view = () => findSubKey(world.ctx, team.teamId, keyId)
  expect((await reveal()).kind).toBe('no-key')
  expect(await view()).toMatchObject({ phase: 'ready', revealable: false, modelsOpen: null })
  await world.travel(6_000)
  expect((await reveal()).kind).toBe('revealed')
  expect(await view()).toMatchObject({
    revealable: true,
    models: [nano],
    modelsOpen: { failure: 'server-error' },
  })
  expect(await team.use(keyId, opus)).toBe(200)
  // The sweep sends it again when its time has come, and not before.
  expect(await sendModelsAgain(world.ctx)).toBe(0)
  await world.travel(5 * 60_000)
  await world.db.$executeRaw`delete from pgboss.job where name = 'apply-key'`
  expect(await sendModelsAgain(world.ctx)).toBe(1)
  await world.clearFaults()
  await applyKey(world.ctx, rowId)
  expect(await view()).toMatchObject({ modelsOpen: null })
  expect(await team.use(keyId, opus)).toBe(404)
})

for (const [what, match] of [
  ['a guardrail', 'POST /guardrails'],
  ['an assignment', assign],
] as const)
  test(`the lost answer to ${what} is asked for again, and leaves one of it`, async () => {
    await using world = await openWorld()
    const team = await openModelTeam(world)
    const masterKeyId = await team.depositOpenRouter()
    await world.faults({ rules: [{ match, fault: 'reset-after', times: 1 }] })
    const { keyId, rowId } = await team.make(masterKeyId, [nano])
    expect((await team.keyRow(keyId)).modelsOpen).toBe(true)
    await apply(world.ctx, rowId)
    expect((await team.keyRow(keyId)).modelsOpen).toBe(false)
    expect(await guardrailsOf(world)).toHaveLength(1)
    expect(await team.use(keyId, opus)).toBe(404)
  })

test('a process that dies between its steps is taken over when its lease is over, and not before', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  class Crash extends Error {}
  for (const step of ['createGuardrail', 'assignKeys'] as const)
    for (const isDone of [false, true]) {
      const dying = withGuardrails(world.ctx, (real) => ({
        [step]: async (...asked: [never, never]) => {
          if (isDone) await real[step](...asked)
          throw new Crash()
        },
      }))
      await world.faults({ bindFails: true })
      const models = { createGuardrail: [nano, sonnet], assignKeys: [nano] }[step]
      const { keyId, rowId } = await team.make(masterKeyId, isDone ? [...models, opus] : models)
      await world.clearFaults()
      // The first try has made the guardrail; here it is another process's turn to make it.
      await world.db.modelGuardrail.deleteMany()
      for (const { id } of await guardrailsOf(world)) await deleteGuardrail(world, id)
      await expect(apply(dying, rowId)).rejects.toThrow(Crash)
      expect((await apply(world.ctx, rowId)).kind).toBe('snooze')
      expect((await team.keyRow(keyId)).modelsOpen).toBe(true)
      await world.travel(91_000)
      expect((await apply(world.ctx, rowId)).kind).toBe('done')
      expect((await team.keyRow(keyId)).modelsOpen).toBe(false)
      expect(await guardrailsOf(world)).toHaveLength(1)
    }
}, 60_000)

test('a list that changes while its call is out stays open until the new one is confirmed', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await team.set('openrouter', [nano])
  const { keyId, rowId } = await team.make(masterKeyId)
  await team.set('openrouter', [sonnet])
  await team.follow()
  const meanwhile = withGuardrails(world.ctx, (real) => ({
    async assignKeys(id, hashes) {
      await team.set('openrouter', [opus])
      await team.follow()
      return real.assignKeys(id, hashes)
    },
  }))
  await apply(meanwhile, rowId)
  expect(await team.keyRow(keyId)).toMatchObject({ models: [opus], modelsOpen: false })
  expect([await team.use(keyId, sonnet), await team.use(keyId, opus)]).toEqual([404, 200])
})

test('two at once about one key: one calls, the other waits for it', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await world.faults({ bindFails: true })
  const { keyId, rowId } = await team.make(masterKeyId, [nano])
  await world.clearFaults()
  const before = await assignments(world)
  await Promise.all([apply(world.ctx, rowId), apply(world.ctx, rowId), apply(world.ctx, rowId)])
  expect((await team.keyRow(keyId)).modelsOpen).toBe(false)
  expect((await assignments(world)) - before).toBe(1)
})

test('a guardrail that allows other models than asked limits no key, and the page says so', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await world.faults({ bindFails: true })
  const { keyId, rowId } = await team.make(masterKeyId, [nano])
  await world.clearFaults()
  await world.db.modelGuardrail.deleteMany()
  for (const { id } of await guardrailsOf(world)) await deleteGuardrail(world, id)
  const wider = withGuardrails(world.ctx, (real) => ({
    createGuardrail: (rules) => real.createGuardrail({ ...rules, allowedModels: [nano, opus] }),
    updateGuardrail: (id, rules) => real.updateGuardrail(id, { ...rules, allowedModels: [opus] }),
  }))
  await apply(wider, rowId)
  await apply(wider, rowId)
  expect(await world.db.modelGuardrail.count()).toBe(0)
  expect(await guardrailsOf(world)).toHaveLength(1)
  expect(await world.ctx.provider.listAssignedHashes((await guardrailsOf(world))[0]!.id)) //
    .toEqual(new Set())
  await world.travel(6_000)
  expect((await findSubKey(world.ctx, team.teamId, keyId))?.modelsOpen?.detail).toMatch(
    /other models/,
  )
  // Put right, it is ours to use.
  await apply(world.ctx, rowId)
  expect([await team.use(keyId, nano), await team.use(keyId, opus)]).toEqual([200, 404])
})

test('what was changed by hand at the provider is put right by the pass of the account', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  const one = await team.make(masterKeyId, [nano])
  const two = await team.make(masterKeyId, [sonnet])
  const free = await team.make(masterKeyId)
  const rows = [one.rowId, two.rowId, free.rowId]
  const pass = async () => {
    await world.travel(6 * 60_000)
    await readAccount(world.ctx, masterKeyId)
    const open = await world.db.key.count({ where: { modelsOpen: true } })
    for (const id of rows) await apply(world.ctx, id)
    return open
  }
  expect(await pass()).toBe(0)
  const idOf = async (model: string) =>
    (await guardrailsOf(world)).find((one) => one.allowedModels?.[0]?.startsWith(model))!.id
  // A call of the past that lands late puts keys under the list of others.
  await world.ctx.provider.assignKeys(await idOf(nano), [two.hash, free.hash])
  expect(await pass()).toBe(2)
  expect([await team.use(two.keyId, sonnet), await team.use(two.keyId, nano)]).toEqual([200, 404])
  expect(await team.use(free.keyId, opus)).toBe(200)
  // Deleted there, or made to allow more.
  await deleteGuardrail(world, await idOf(nano))
  expect(await pass()).toBe(1)
  expect(await team.use(one.keyId, opus)).toBe(404)
  const guardrail = (await guardrailsOf(world)).find(({ allowedModels }) =>
    allowedModels?.[0]?.startsWith(nano),
  )!
  await world.ctx.provider.updateGuardrail(guardrail.id, {
    name: guardrail.name,
    description: guardrail.description ?? '',
    limit: null,
    allowedModels: [nano, opus],
  })
  expect(await pass()).toBe(1)
  expect(await team.use(one.keyId, opus)).toBe(404)
  expect(await pass()).toBe(0)
})

test('models that a proxy’s staff changed on a key are put right by the reading of the account', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositLiteLlm()
  const { keyId, rowId, hash } = await team.make(masterKeyId, ['gpt-5-nano'])
  const response = await fetch(`${team.litellm.baseUrl}/key/update`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${team.litellm.masterKey}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ key: hash, models: [] }),
  })
  expect(response.status).toBe(200)
  await world.travel(60_000)
  await readAccount(world.ctx, masterKeyId)
  expect((await team.keyRow(keyId)).modelsOpen).toBe(true)
  await apply(world.ctx, rowId)
  expect(await team.useProxy(keyId, 'mistral-small')).toBe(401)
})

async function deleteGuardrail(world: World, id: string): Promise<void> {
  const response = await fetch(`${world.upstream.baseUrl}/guardrails/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${world.upstream.managementKey}` },
  })
  if (!response.ok) throw new Error(await response.text())
}
