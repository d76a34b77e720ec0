/**
 * Five proxies that mean harm, each beside an honest team: its own account fails, within its budget of
 * rows, bytes and time, its owner reads why, and nobody else notices.
 */
import { expect, test } from 'vitest'
import { createLiteLlm } from '~/adapters/litellm.server'
import { createOutbound } from '~/adapters/outbound.server'
import { deleteSubKey } from '~/domain/team/sub-key.server'
import { listMasterKeys } from '~/domain/vault/vault.server'
import {
  hostileKinds,
  startHostileProxy,
  type HostileKind,
  type HostileProxy,
} from '../../../simulators/litellm/hostile'
import { thisMachine } from '../../../tests/this-machine'
import { openTeam, openTeamWithServices, type Team } from '../../../tests/team'
import { openWorld, type World } from '../../../tests/world'
import { runMint } from './mint.server'
import { readAccount, sendAccountReads } from './read-account.server'
import { turnOf } from './turns.server'

/** A world whose calls to proxies end after `timeoutMs`. */
async function openImpatientWorld(timeoutMs: number) {
  const world = await openWorld()
  const outbound = createOutbound({ networks: thisMachine })
  world.ctx.services = new Map([
    ...world.ctx.services,
    ['litellm', createLiteLlm({ outbound, timeoutMs })],
  ])
  return world
}

/** A team with one key at such a proxy. */
async function openHostile(world: World, kind: HostileKind) {
  const proxy = await startHostileProxy(kind)
  world.onClose(() => proxy.stop())
  const team = await openTeam(world, { budget: 1_000 })
  const account = await team.deposit('litellm', {
    secret: proxy.masterKey,
    baseUrl: proxy.baseUrl,
  })
  const keyId = await makeKey(world, team, account)
  proxy.turn()
  return { proxy, team, account, keyId }
}

async function makeKey(world: World, team: Pick<Team, 'provision'>, account: string) {
  const keyId = await team.provision(account)
  const mint = await world.db.mint.findFirstOrThrow({ where: { holderId: keyId } })
  await runMint(world.ctx, mint.id)
  return keyId
}

const reasons: Record<HostileKind, string> = {
  huge: 'list-too-large',
  endless: 'list-too-large',
  hanging: 'timeout',
  dripping: 'timeout',
  twice: 'list-too-large',
}

test.each(hostileKinds)('a proxy of the kind "%s" harms its own account alone', async (kind) => {
  await using world = await openImpatientWorld(1_000)
  const { ctx, db } = world
  const honest = await openTeamWithServices(world)
  const honestAccount = await honest.depositLiteLlm()
  const honestKey = await makeKey(world, honest, honestAccount)
  const hostile = await openHostile(world, kind)

  const startedAt = performance.now()
  const outcome = await readAccount(ctx, hostile.account)
  expect(outcome).toMatchObject({ kind: 'done', error: { reason: reasons[kind] } })
  expect(performance.now() - startedAt, 'time').toBeLessThan(60_000)
  expect(hostile.proxy.sentBytes(), 'bytes').toBeLessThan(64 * 1024 * 1024)
  // Its owner reads what and since when; its key counts as unread and not as gone.
  const [shown] = await listMasterKeys(ctx, hostile.team.teamId)
  expect(shown?.unread?.message).toMatch(
    kind === 'hanging' || kind === 'dripping'
      ? /did not answer in time/
      : /larger than Keymint reads/,
  )
  expect(Date.parse(shown?.unread?.since ?? '')).toBeGreaterThan(Date.now() - 60_000)
  expect(await hostile.team.keyRow(hostile.keyId)).toMatchObject({
    missingAt: null,
    closedAt: null,
  })

  // The schedule leaves it alone for a while, and nobody else.
  await ctx.db.$executeRaw`delete from pgboss.job where name = 'read-account'`
  expect(await sendAccountReads(ctx)).toBe(1)
  expect(await readAccount(ctx, honestAccount)).toEqual({ kind: 'done' })
  const [own] = await listMasterKeys(ctx, honest.teamId)
  expect([own?.unread, own?.failure]).toEqual([null, null])
  expect((await honest.keyRow(honestKey)).readAt).not.toBeNull()
  expect(await db.account.count({ where: { parkedAt: { not: null } } })).toBe(0)
})

test('a key that a proxy gives twice is the first holder’s, and a list that repeats it is kept once', async () => {
  await using world = await openImpatientWorld(1_000)
  const { proxy, team, account, keyId } = await openHostile(world, 'twice')
  const second = await makeKey(world, team, account)
  expect(await team.row(second)).toMatchObject({ state: 'refused' })
  expect(await team.row(keyId)).toMatchObject({ state: 'ready' })
  expect(await world.db.key.count({ where: { account, savedAt: { not: null } } })).toBe(1)
  await readAccount(world.ctx, account)
  expect((await team.keyRow(keyId)).usedUsd.toNumber()).toBeLessThan(1)
  expect(proxy.sentBytes()).toBeGreaterThan(0)
})

test('while five of them hold all they can, others get, end and settle their keys as if alone', async () => {
  await using world = await openWorld()
  const { ctx, db } = world
  const honest = await openTeamWithServices(world)
  const honestAccount = await honest.depositLiteLlm()
  const ending = await makeKey(world, honest, honestAccount)
  const hostiles: { proxy: HostileProxy; team: Team; account: string; keyId: string }[] = []
  for (const kind of hostileKinds) hostiles.push(await openHostile(world, kind))
  for (const { team, account, keyId } of hostiles) {
    for (let index = 0; index < 5; index++) await team.provision(account)
    await deleteSubKey(ctx, { teamId: team.teamId, userId: team.ownerId, keyId }, 'a test')
    await db.$transaction((tx) =>
      ctx.queue.enqueue(tx, 'read-account', { account }, { singletonKey: account }),
    )
  }
  await world.startWorkerHere()
  const made = await honest.provision(honestAccount)
  const owner = { teamId: honest.teamId, userId: honest.ownerId }
  await deleteSubKey(ctx, { ...owner, keyId: ending }, 'a test')
  await expect
    .poll(async () => (await honest.row(made)).state, { timeout: 20_000, interval: 50 })
    .toBe('ready')
  await expect
    .poll(async () => (await honest.keyRow(ending)).closedAt, { timeout: 20_000, interval: 50 })
    .not.toBeNull()
  // Who lets others wait shares its turns with others of its kind.
  const slow = hostiles.find(({ proxy }) => proxy.kind === 'hanging')!
  await expect
    .poll(() => db.$transaction((tx) => turnOf(tx, slow.account)), { timeout: 30_000 })
    .toMatch(/^slow-/)
  expect(await db.$transaction((tx) => turnOf(tx, honestAccount))).toBe(honestAccount)
})
