import { expect, test } from 'vitest'
import { setBudget } from '../money/budgets.server'
import { NotAllowed } from '../money/member-lock.server'
import { openTeamWorld, type TeamWorld } from '../../../tests/team'
import { usd } from '../../../tests/world'
import { setProject } from './key-project.server'
import { deleteSubKey, provisionSubKey } from './sub-key.server'
import {
  findLastUse,
  findSubKey,
  listKeyHolders,
  listKeyPage,
  listSubKeys,
  type KeyFilter,
} from './sub-key-view.server'
import { suspendMember } from './team.server'

async function makeKey(world: TeamWorld, userId: string, purpose: string, project?: string) {
  const { ctx, teamId, masterKeyId } = world
  const outcome = await provisionSubKey(ctx, {
    teamId,
    userId,
    masterKeyId,
    purpose,
    project: project ?? null,
    cap: usd(1),
    reset: null,
    expiresAt: new Date(ctx.now().getTime() + 86_400_000),
    models: [],
  })
  if (outcome.kind === 'refused') throw new Error(outcome.reason)
  await world.mint(outcome.keyId)
  return outcome.keyId
}

async function openKeys() {
  const world = await openTeamWorld({ members: 2 })
  const [ada, bob] = world.memberIds as [string, string]
  for (const userId of [ada, bob])
    await setBudget(
      world.ctx,
      { teamId: world.teamId, userId },
      { budget: usd(10), effective: 'now', reason: '' },
      world.ownerId,
    )
  return { world, ada, bob }
}

test('keys are found by text, holder, service and state, and a pattern is plain text', async () => {
  const { world, ada, bob } = await openKeys()
  await using _ = world
  const { ctx, teamId } = world
  const one = await makeKey(world, ada, 'Nightly 100%_build', 'Apollo')
  const two = await makeKey(world, bob, 'A demo')
  await deleteSubKey(ctx, { teamId, userId: bob, keyId: two }, 'over')
  const found = async (filter: Partial<KeyFilter & { userId: string }>) =>
    (await listSubKeys(ctx, { teamId, ...filter })).map(({ id }) => id).sort()
  const both = [one, two].sort()
  expect(await found({})).toEqual(both)
  expect(await found({ text: 'NIGHTLY' })).toEqual([one])
  expect(await found({ text: 'apollo' })).toEqual([one])
  expect(await found({ text: '%_b' })).toEqual([one])
  expect(await found({ text: '%' })).toEqual([one])
  expect(await found({ text: two.slice(0, 8).toUpperCase() })).toEqual([two])
  expect(await found({ holder: bob })).toEqual([two])
  expect(await found({ userId: ada, holder: bob })).toEqual([])
  expect(await found({ service: world.service.service })).toEqual(both)
  expect(await found({ service: 'another' })).toEqual([])
  expect(await found({ state: 'live' })).toEqual([one])
  expect(await found({ state: 'ended' })).toEqual([two])
  await world.moveClock(2 * 86_400_000)
  expect(await found({ state: 'live' })).toEqual([])
  expect((await listKeyHolders(ctx, teamId)).map(({ value }) => value).sort()).toEqual(
    [ada, bob].sort(),
  )
})

test('the holder and an owner change the project; nobody else does, nor who is suspended', async () => {
  const { world, ada, bob } = await openKeys()
  await using _ = world
  const { ctx, teamId, ownerId } = world
  const keyId = await makeKey(world, ada, 'A demo', 'Apollo')
  expect((await findSubKey(ctx, teamId, keyId))?.project).toBe('Apollo')
  expect(await findLastUse(ctx, keyId)).toBeNull()
  const set = (userId: string, project: string | null) =>
    setProject(ctx, { teamId, keyId, userId }, project)
  expect(await set(ada, 'Gemini')).toEqual({ kind: 'done' })
  expect(await set(ownerId, '🚀'.repeat(40))).toEqual({ kind: 'done' })
  expect(await set(ownerId, '🚀'.repeat(40))).toEqual({ kind: 'done' })
  await expect(set(bob, 'Mine')).rejects.toThrow(NotAllowed)
  await expect(set(ada, 'x'.repeat(41))).rejects.toThrow()
  expect(await world.db.auditEvent.count({ where: { action: 'sub-key.project-set' } })).toBe(2)
  await suspendMember(ctx, { teamId, userId: ada }, ownerId, 'test')
  expect(await set(ada, null)).toEqual({ kind: 'refused', reason: 'not-active' })
  expect(await set(ownerId, null)).toEqual({ kind: 'done' })
  expect((await findSubKey(ctx, teamId, keyId))?.project).toBeNull()
})

test('a list shows what is live or not settled, and the rest a page at a time, each key once', async () => {
  const { world, ada, bob } = await openKeys()
  await using _ = world
  const { ctx, teamId } = world
  const over = await makeKey(world, ada, 'Over')
  await deleteSubKey(ctx, { teamId, userId: ada, keyId: over }, 'over')
  await world.letSettle()
  const live = await makeKey(world, ada, 'Live')
  const settling = await makeKey(world, ada, 'Not settled')
  await makeKey(world, bob, 'Of somebody else')
  await deleteSubKey(ctx, { teamId, userId: ada, keyId: settling }, 'over')
  await world.db.$executeRaw`
    insert into keymint.api_keys (team_id, user_id, master_key_id, service, purpose, cap_usd, expires_at, state,
      reason, created_at)
    select team_id, user_id, master_key_id, service, 'Not made ' || n, cap_usd, expires_at, 'refused', 'gave-up',
      created_at - make_interval(mins => n) from keymint.api_keys, generate_series(1, 43) n
    where id = ${over}::uuid`
  const pages = await Promise.all(
    [1, 2, 3, 4].map((page) => listKeyPage(ctx, { teamId, userId: ada }, page)),
  )
  const ids = (keys: { id: string }[]) => keys.map(({ id }) => id)
  expect(ids(pages[0]!.current).sort()).toEqual([live, settling].sort())
  expect(pages.map((page) => [page.current.length, page.over.length, page.more])).toEqual([
    [2, 20, true],
    [0, 20, true],
    [0, 4, false],
    [0, 0, false],
  ])
  expect(pages[0]!.over[0]?.id).toBe(over)
  expect(new Set(pages.flatMap((page) => ids(page.over))).size).toBe(44)
  const found = await listKeyPage(ctx, { teamId, userId: ada, text: 'made 43' }, 1)
  expect([found.current.length, found.over.length, found.more]).toEqual([0, 1, false])
})
