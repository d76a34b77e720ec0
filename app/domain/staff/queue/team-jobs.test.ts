/** Jobs of teams' keys, receipts and checks: staff retry and cancel them as they do a claim's. */
import { expect, test } from 'vitest'
import { openWorld, usd, type World } from '../../../../tests/world'
import { actorUserId, onlyJob } from '../../../../tests/queue'
import { setBudget } from '../../money/budgets.server'
import { teamScope } from '../../money/member-lock.server'
import { createTeam, findMembership } from '../../team/team.server'
import { provisionSubKey } from '../../team/sub-key.server'
import { depositKey } from '../../vault/vault.server'
import { cancelJob, retryJob } from './actions.server'
import { readJobPage } from './queue-page.server'

/** A member's key that waits to be created. */
async function pendingSubKey(world: World) {
  const [owner] = await world.people(1)
  const { userId } = owner!
  const slug = 'makers'
  await createTeam(world.ctx, { name: 'Makers', slug, person: { userId, banned: null } })
  const ref = { teamId: (await findMembership(world.ctx, slug, userId))!.teamId, userId }
  await setBudget(world.ctx, ref, { budget: usd(100), effective: 'now', reason: 'test' }, userId)
  const master = await depositKey(world.ctx, {
    ...ref,
    scope: teamScope(slug),
    service: 'openrouter',
    secret: world.upstream.managementKey,
    baseUrl: null,
  })
  if (master.kind === 'refused') throw new Error(master.reason)
  const key = await provisionSubKey(world.ctx, {
    ...ref,
    masterKeyId: master.masterKeyId,
    purpose: 'a test',
    cap: usd(20),
    reset: null,
    expiresAt: new Date(Date.now() + 30 * 86_400_000),
    models: [],
  })
  if (key.kind === 'refused') throw new Error(key.reason)
  return { keyId: key.keyId, jobId: await onlyJob(world, 'mint-service-key') }
}

test('a retry of a team’s key runs now: its mint no longer waits for its time', async () => {
  await using world = await openWorld()
  const { jobId } = await pendingSubKey(world)
  await world.db
    .$executeRaw`update pgboss.job set start_after = now() + interval '1 hour' where id = ${jobId}::uuid`
  await world.db.$executeRaw`
      update keymint.mints set not_before = now() + interval '1 hour', delay_reason = 'rate-limited'`
  expect(await retryJob(world.ctx, { jobId, actorUserId })).toEqual({
    kind: 'done',
    code: 'runs-now',
  })
  expect((await world.db.mint.findFirstOrThrow()).notBefore).toBeNull()
})

test('a cancel of a team’s key refuses that key, gives its money back, and speaks of no seat', async () => {
  await using world = await openWorld()
  const { keyId, jobId } = await pendingSubKey(world)
  expect((await readJobPage(world.ctx, jobId))?.job).toMatchObject({
    cancel: 'refuse-mint',
    holderKind: 'sub-key',
    can: { cancel: true },
  })
  expect(Number((await world.db.budgetMonth.findFirstOrThrow()).committedUsd)).toBe(20)
  const outcome = await cancelJob(world.ctx, { jobId, actorUserId, reason: 'Not needed.' })
  expect(outcome).toEqual({ kind: 'done', code: 'sub-key-refused' })
  expect(await world.db.apiKey.findUnique({ where: { id: keyId } })).toMatchObject({
    state: 'refused',
    reason: 'cancelled',
    reasonDetail: 'Not needed.',
  })
  expect(Number((await world.db.budgetMonth.findFirstOrThrow()).committedUsd)).toBe(0)
  expect((await readJobPage(world.ctx, jobId))?.job.state).toBe('cancelled')
})

test('the page of a team’s key shows its calls to the provider', async () => {
  await using world = await openWorld()
  const { jobId } = await pendingSubKey(world)
  const { id: mintId } = await world.db.mint.findFirstOrThrow()
  await world.db.mintAttempt.create({
    data: {
      id: crypto.randomUUID(),
      token: crypto.randomUUID(),
      mintId,
      name: 'keymint test',
      state: 'unknown',
      httpStatus: 502,
    },
  })
  expect((await readJobPage(world.ctx, jobId))?.calls).toMatchObject([
    { name: 'keymint test', state: 'unknown', httpStatus: 502 },
  ])
})

test('a receipt and a check may be cancelled; what would be sent again may not', async () => {
  await using world = await openWorld()
  const send = async (name: string) => {
    await world.db.$executeRaw`
      insert into pgboss.job (name, data, policy, singleton_key)
        values (${name}, '{}'::jsonb, 'exclusive', ${name})`
    return onlyJob(world, name)
  }
  const outcomes: Record<string, string> = {}
  for (const name of ['make-receipt', 'doctor', 'apply-key', 'sweep']) {
    const jobId = await send(name)
    outcomes[name] = (await cancelJob(world.ctx, { jobId, actorUserId, reason: 'a test' })).code
  }
  expect(outcomes).toEqual({
    'make-receipt': 'cancelled',
    doctor: 'cancelled',
    'apply-key': 'must-finish',
    sweep: 'never-cancelled',
  })
})
