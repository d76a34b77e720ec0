/** Which models the keys of a team may use: set by owners, chosen within by members, followed by live keys. */
import { expect, test } from 'vitest'
import { ProviderError } from '~/adapters/provider-error'
import { nano, openModelTeam, opus, sonnet } from '../../../tests/model-team'
import { openWorld, usd, withService, type World } from '../../../tests/world'
import type { Ctx } from '../ctx'
import { NotAllowed } from '../money/member-lock.server'
import { runMint } from '../keys/mint.server'
import { applyKey } from '../keys/apply.server'
import { readKeyModels } from './key-models.server'
import {
  chosenModels,
  followModelLists,
  listTeamModels,
  parseModels,
  setTeamModels,
} from './model-limits.server'
import { provisionSubKey, rotateSubKey } from './sub-key.server'
import { findSubKey } from './sub-key-view.server'

const silence = new ProviderError({
  call: 'GET /models',
  kind: 'retryable',
  reason: 'unreachable',
})
const wish = (world: World, masterKeyId: string, models: string[]) => ({
  masterKeyId,
  purpose: 'a test',
  cap: usd(1),
  reset: null,
  expiresAt: new Date(world.ctx.now().getTime() + 86_400_000),
  models,
})

test('a key of a bound list works with its models, and every other is refused by the provider', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  expect(await team.set('openrouter', [nano, sonnet])).toEqual({ kind: 'set' })
  const { keyId } = await team.make(masterKeyId)
  expect(await team.use(keyId, nano)).toBe(200)
  expect(await team.use(keyId, opus)).toBe(404)
  // A member may choose less of it, and never more.
  const small = await team.make(masterKeyId, [nano])
  expect(await team.use(small.keyId, sonnet)).toBe(404)
  const outcome = await provisionSubKey(world.ctx, {
    teamId: team.teamId,
    userId: team.userId,
    ...wish(world, masterKeyId, [nano, opus]),
  })
  expect(outcome).toMatchObject({ kind: 'refused', reason: 'model-not-allowed', model: opus })
  expect(await world.db.apiKey.count()).toBe(2)
})

test('the same list is said the same way to LiteLLM, in the request that makes the key', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositLiteLlm()
  expect(await team.set('litellm', ['gpt-5-nano'])).toEqual({ kind: 'set' })
  const { keyId, rowId } = await team.make(masterKeyId)
  expect([await team.useProxy(keyId, 'gpt-5-nano'), await team.useProxy(keyId, 'mistral-small')]) //
    .toEqual([200, 401])
  // It was limited from its first moment on: nothing was left to do.
  expect((await team.keyRow(keyId)).modelsOpen).toBe(false)
  await team.set('litellm', ['mistral-small'])
  expect(await team.follow(rowId)).toBe(1)
  expect([await team.useProxy(keyId, 'gpt-5-nano'), await team.useProxy(keyId, 'mistral-small')]) //
    .toEqual([401, 200])
  await team.set('litellm', [], { bound: false })
  await team.follow(rowId)
  expect(await team.useProxy(keyId, 'gpt-5-nano')).toBe(200)
})

test('without a list any model is as before; a list that is not bound is where the form begins', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  const free = await team.make(masterKeyId)
  expect(await team.use(free.keyId, opus)).toBe(200)
  expect(await team.set('openrouter', [nano], { bound: false })).toEqual({ kind: 'set' })
  expect(await team.follow(free.rowId)).toBe(0)
  expect(await team.use(free.keyId, opus)).toBe(200)
  const other = await team.make(masterKeyId, [opus])
  expect([await team.use(other.keyId, opus), await team.use(other.keyId, nano)]).toEqual([200, 404])
})

test('live keys follow another limit: less, more, what of a choice is left, and none', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await team.set('openrouter', [nano, sonnet])
  const whole = await team.make(masterKeyId)
  const chosen = await team.make(masterKeyId, [nano])
  const rows = [whole.rowId, chosen.rowId]
  const works = async () =>
    Promise.all(
      [whole, chosen].map(async ({ keyId }) => [
        (await team.use(keyId, nano)) === 200,
        (await team.use(keyId, sonnet)) === 200,
        (await team.use(keyId, opus)) === 200,
      ]),
    )
  await team.set('openrouter', [nano, sonnet, opus])
  expect(await team.follow(...rows)).toBe(1)
  expect(await works()).toEqual([
    [true, true, true],
    [true, false, false],
  ])
  // Nothing of the choice is left: the limit counts, never every model.
  await team.set('openrouter', [opus])
  expect((await listTeamModels(world.ctx, team.teamId))[0]).toMatchObject({ open: 2, live: 2 })
  expect(await team.follow(...rows)).toBe(2)
  expect((await listTeamModels(world.ctx, team.teamId))[0]).toMatchObject({ open: 0, live: 2 })
  expect(await works()).toEqual([
    [false, false, true],
    [false, false, true],
  ])
  // Without a limit the choice counts again.
  await team.set('openrouter', [], { bound: false })
  await team.follow(...rows)
  expect(await works()).toEqual([
    [true, true, true],
    [true, false, false],
  ])
  expect(await team.follow(...rows)).toBe(0)
})

test('a replaced key, and one that is still being made, get the list of their moment', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  const { keyId } = await team.make(masterKeyId)
  const waiting = await team.request(masterKeyId)
  await team.set('openrouter', [nano])
  await followModelLists(world.ctx)
  await runMint(world.ctx, waiting.mintId)
  await applyKey(world.ctx, waiting.rowId, { ignoreBackoff: true })
  expect(await team.use(waiting.keyId, opus)).toBe(404)
  await rotateSubKey(world.ctx, { teamId: team.teamId, userId: team.userId, keyId }, 'a test')
  await team.apply(keyId)
  const next = await world.db.mint.findFirstOrThrow({ where: { holderId: keyId, generation: 2 } })
  await world.db.mint.updateMany({ data: { notBefore: null } })
  await runMint(world.ctx, next.id)
  await team.apply(keyId)
  expect(await team.use(keyId, opus)).toBe(404)
})

test('a limit that is set while keys are asked for passes none of them', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  const ask = () =>
    provisionSubKey(world.ctx, {
      teamId: team.teamId,
      userId: team.userId,
      ...wish(world, masterKeyId, []),
    })
  await Promise.all([...Array.from({ length: 6 }, ask), team.set('openrouter', [nano]), ask()])
  await followModelLists(world.ctx)
  const keys = await world.db.key.findMany()
  expect(keys).toHaveLength(7)
  expect(keys.every(({ models }) => models.join() === nano)).toBe(true)
})

test('a model that the provider does not have is named, with the name that was meant', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  expect(await team.set('openrouter', [nano, 'openai/gpt-5-nanno'])).toEqual({
    kind: 'refused',
    reason: 'unknown-model',
    model: 'openai/gpt-5-nanno',
    suggestion: nano,
  })
  const outcome = await provisionSubKey(world.ctx, {
    teamId: team.teamId,
    userId: team.userId,
    ...wish(world, masterKeyId, ['gpt-nonexistent']),
  })
  expect(outcome).toMatchObject({ reason: 'unknown-model', model: 'gpt-nonexistent' })
  expect(await world.db.teamModels.count()).toBe(0)
})

test('a list that cannot be read refuses what it cannot check, and nothing that was checked before', async () => {
  await using world = await openWorld()
  const silent = withService(world.ctx, () => ({
    models: { isPublic: true, list: () => Promise.reject(silence) },
  }))
  const team = await openModelTeam(world, silent)
  const masterKeyId = await team.depositOpenRouter()
  expect(await team.set('openrouter', [nano])).toMatchObject({
    reason: 'models-unread',
    model: nano,
  })
  const page = await readKeyModels(silent, { masterKeyId, models: [nano] }, '')
  expect(page).toMatchObject({ readAt: null, total: 1, priced: false })
  const set = (ctx: Ctx, models: string[]) =>
    setTeamModels(ctx, {
      teamId: team.teamId,
      slug: team.slug,
      actorUserId: team.userId,
      service: 'openrouter',
      models,
      bound: models.length < 2,
      was: models.length < 2 ? 1 : 0,
    })
  expect(await set(world.ctx, [nano, sonnet])).toEqual({ kind: 'set' })
  // Hours later it is silent: what stands in the list already may be bound, or taken out.
  await world.travel(2 * 3_600_000)
  expect(await set(silent, [nano])).toEqual({ kind: 'set' })
})

test('only active owners set a list; an old page changes nothing; a limit is never empty', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  await team.depositOpenRouter()
  const [stranger] = await world.people(1)
  const set = (actorUserId: string) =>
    setTeamModels(world.ctx, {
      teamId: team.teamId,
      slug: team.slug,
      actorUserId,
      service: 'openrouter',
      models: [nano],
      bound: true,
      was: 0,
    })
  await expect(set(stranger!.userId)).rejects.toThrow(NotAllowed)
  expect(await set(team.userId)).toEqual({ kind: 'set' })
  expect(await team.set('openrouter', [opus], { was: 0 })).toMatchObject({ reason: 'stale-models' })
  expect(await team.set('openrouter', [])).toMatchObject({ reason: 'bound-to-none' })
  expect(await team.set('s3', [nano])).toMatchObject({ reason: 'no-service' })
  expect(await team.set('__proto__', [nano])).toMatchObject({ reason: 'no-service' })
  expect(await world.db.auditEvent.count({ where: { action: 'team.models-set' } })).toBe(1)
})

test('names are read strictly, whatever is typed', () => {
  expect(parseModels(`${nano},\n ${sonnet}  ${nano}`)).toEqual({
    kind: 'models',
    models: [nano, sonnet],
  })
  expect(parseModels(' \n')).toEqual({ kind: 'models', models: [] })
  for (const odd of [
    '~openai/latest',
    '<b>',
    'a'.repeat(201),
    '"',
    'ö',
    '{}',
    '-x',
    '../x',
    '\u202Ex',
  ])
    expect(parseModels(`${nano} ${odd}`)).toEqual({ kind: 'odd', model: odd })
  const many = Array.from({ length: 51 }, (_, index) => `a/${index}`)
  expect(parseModels(many.join(' '))).toEqual({ kind: 'many' })
})

test('every box of a limit is no choice: the key gets what is added later', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  await team.set('openrouter', [nano, sonnet])
  const key = { teamId: team.teamId, masterKeyId }
  expect(await chosenModels(world.ctx, key, [sonnet, nano])).toEqual([])
  expect(await chosenModels(world.ctx, key, [nano])).toEqual([nano])
})

test('the page of a key has its models with their prices, and those of a search', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  const limited = await readKeyModels(world.ctx, { masterKeyId, models: [nano, 'gone/model'] }, '')
  expect(limited!.models).toEqual([
    { id: 'gone/model', input: null, output: null, known: false },
    { id: nano, input: '0.050000000', output: '0.400000000', known: true },
  ])
  expect(limited!.readAt).not.toBeNull()
  const free = await readKeyModels(world.ctx, { masterKeyId, models: [] }, 'OPUS')
  expect(free!.models.map(({ id }) => id)).toEqual([opus])
  expect(free!.total).toBeGreaterThan(5)
  const proxy = await team.depositLiteLlm()
  const unpriced = await readKeyModels(world.ctx, { masterKeyId: proxy, models: [] }, '')
  expect(unpriced).toMatchObject({ total: 3, priced: false })
  // Read once for all of them, within the hour.
  await readKeyModels(world.ctx, { masterKeyId, models: [] }, '')
  expect((await world.calls())['GET /models']).toBe(1)
})

test('a member sees the list that is in force, not the one that was chosen', async () => {
  await using world = await openWorld()
  const team = await openModelTeam(world)
  const masterKeyId = await team.depositOpenRouter()
  const { keyId, rowId } = await team.make(masterKeyId, [nano, opus])
  await team.set('openrouter', [opus])
  await team.follow(rowId)
  const view = await findSubKey(world.ctx, team.teamId, keyId)
  expect(view).toMatchObject({ models: [opus], modelsOpen: null, revealable: true })
})
