/**
 * Sub-keys through the mint engine, at teams' own services: the same guarantees as for claims, and
 * no failure of one account that reaches another.
 */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { createCallPace } from './call-pace.server'
import { runMint } from '~/domain/keys/mint.server'
import { disableKey, enableKey } from '~/domain/vault/vault.server'
import { openWorld, usd, type World } from '../../../tests/world'
import { keysAt, readList } from '../../../tests/service-account'
import { openTeamWithServices } from '../../../tests/team'
import { coolDown, deploymentAccount } from './accounts.server'
import { keyPlace } from './mint-attempt.server'

const claim = async (world: World) => {
  const [person] = await world.people(1)
  return claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
}
const accountOf = (world: World, id: string) =>
  world.db.account.findUniqueOrThrow({ where: { id } })

for (const service of ['LiteLlm', 'OpenRouter'] as const) {
  test(`a sub-key at ${service} is made with the team's credential, sealed, audited and never bound`, async () => {
    await using world = await openWorld()
    const team = await openTeamWithServices(world)
    const account = await team[`deposit${service}`]()
    const { keyId, mintId, rowId } = await team.request(account, {
      reset: 'monthly',
      expiresAt: new Date(Date.now() + 86_400_000),
    })
    expect(await runMint(world.ctx, mintId)).toEqual({ kind: 'done' })
    const key = await team.row(keyId)
    const [upstream] = await keysAt(world, account)
    expect(key).toMatchObject({ state: 'ready', keyHash: upstream!.id })
    expect(upstream).toMatchObject({
      cap: usd(2),
      reset: 'monthly',
      name: expect.stringMatching(
        new RegExp(`^km/${world.ctx.installationId}/team\\.a-team/`),
      ) as string,
    })
    expect(world.ctx.sealer.unseal(key.sealed!, keyPlace(rowId, 1))).toMatch(/^sk-/)
    expect(
      await world.db.$queryRaw`select 1 from pgboss.job where name = 'bind-guardrail'`,
    ).toEqual([])
    expect(await world.ctx.provider.listGuardrails()).toEqual([])
    expect(await world.db.auditEvent.findMany({ where: { action: 'key.minted' } })).toMatchObject([
      { subject: `sub-key:${keyId}`, workshopSlug: team.scope },
    ])
  })
}

test('answers that are lost on the way leave one key and no orphan', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  await world.db.$executeRaw`update keymint.teams set max_live_keys = 100`
  const account = await team.depositLiteLlm()
  await team.sim('POST', 'faults', {
    seed: 3,
    rules: [{ match: 'POST /key/generate', fault: 'reset-after', rate: 0.4 }],
  })
  await world.db.team.update({ where: { id: team.teamId }, data: { maxLiveKeys: 25 } })
  const requests = await Promise.all(Array.from({ length: 25 }, () => team.request(account)))
  const rest = new Set(requests.map(({ mintId }) => mintId))
  for (let round = 0; rest.size > 0 && round < 20; round++) {
    await world.db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
    await world.db.$executeRaw`update keymint.mints set not_before = null`
    // Many doubts are allowed at once here, so that none is resolved before the end.
    const ctx = { ...world.ctx, mintConcurrency: 100 }
    for (const mintId of rest) if ((await runMint(ctx, mintId)).kind === 'done') rest.delete(mintId)
  }
  await team.sim('DELETE', 'faults')
  expect((await keysAt(world, account)).length).toBeGreaterThan(25)
  expect((await readList(world, account, { dryRun: true })).orphansDeleted).toBeGreaterThan(0)
  const report = await readList(world, account)
  expect(report).toMatchObject({ orphansLeft: 0, unexplained: [] })
  expect(report.orphansDeleted).toBeGreaterThan(0)
  expect((await readList(world, account)).orphansDeleted).toBe(0)
  const held = await Promise.all(requests.map(async ({ keyId }) => (await team.row(keyId)).keyHash))
  expect((await keysAt(world, account)).map((key) => key.id).sort()).toEqual(held.sort())
})

test('twice the calls at once may be in doubt, and a list that shows none lets the next ones go', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const account = await team.depositLiteLlm()
  const callPace = createCallPace({ db: world.db, log: world.ctx.log, ceiling: 2 })
  const ctx = { ...world.ctx, mintConcurrency: 2, callPace }
  await team.sim('POST', 'faults', {
    rules: [{ match: 'POST /key/generate', fault: 'reset-before' }],
  })
  const requests = await Promise.all(Array.from({ length: 8 }, () => team.request(account)))
  const tryAll = async () => {
    await world.db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
    await world.db.$executeRaw`update keymint.mints set not_before = null`
    for (const { mintId } of requests) await runMint(ctx, mintId)
  }
  const unresolved = () =>
    world.db.mintAttempt.count({ where: { state: 'unknown', resolvedAt: null } })
  for (let round = 0; round < 4; round++) await tryAll()
  expect(await unresolved()).toBe(4)
  // At once as well as one after the other.
  await readList(world, account)
  for (let round = 0; round < 3; round++) {
    await world.db.$executeRaw`update keymint.accounts set cooldown_until = null, failures = 0`
    await world.db.$executeRaw`update keymint.mints set not_before = null`
    await Promise.all(requests.map(({ mintId }) => runMint(ctx, mintId)))
    expect(await unresolved()).toBeLessThanOrEqual(4)
  }
  await team.sim('DELETE', 'faults')
  await tryAll()
  expect(await keysAt(world, account), 'nobody knows yet what became of the calls').toEqual([])
  await readList(world, account)
  expect(await unresolved()).toBe(0)
  await tryAll()
  expect(await keysAt(world, account)).toHaveLength(8)
})

test('a refused credential closes its own gate only: claims and other teams go on', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const [broken, good] = [await team.depositLiteLlm(), await team.depositOpenRouter()]
  await team.sim('POST', 'faults', { rules: [{ match: 'POST /key/generate', fault: '401' }] })
  const [bad, fine] = [await team.request(broken), await team.request(good)]
  expect(await runMint(world.ctx, bad.mintId)).toMatchObject({
    kind: 'snooze',
    reason: 'unauthorized',
  })
  const another = await team.request(broken)
  const calls = async () =>
    (await team.sim<{ counts: Record<string, number> }>('GET', 'calls')).counts[
      'POST /key/generate'
    ]
  expect(await calls()).toBe(1)
  expect(await runMint(world.ctx, another.mintId)).toMatchObject({
    kind: 'snooze',
    reason: 'unauthorized',
  })
  expect(await calls()).toBe(1)
  expect(await runMint(world.ctx, fine.mintId)).toEqual({ kind: 'done' })
  await claim(world)
  const claimed = await world.db.mint.findFirstOrThrow({ where: { holderKind: 'claim' } })
  expect(await runMint(world.ctx, claimed.id)).toEqual({ kind: 'done' })
  for (const id of [deploymentAccount, good])
    expect(await accountOf(world, id)).toMatchObject({ failures: 0, cooldownUntil: null })
  expect(await accountOf(world, broken)).toMatchObject({ failures: 1, reason: 'unauthorized' })

  // And it opens again by one probe; a slow one, so that the two do meet.
  await team.sim('DELETE', 'faults')
  await team.sim('POST', 'faults', { latencyMs: 500 })
  await world.db.$executeRaw`
      update keymint.accounts set cooldown_until = now() - interval '1 ms' where id = ${broken}::uuid`
  await world.db.$executeRaw`update keymint.mints set not_before = null`
  const outcomes = await Promise.all([bad, another].map(({ mintId }) => runMint(world.ctx, mintId)))
  expect(outcomes.filter((outcome) => outcome.kind === 'done')).toHaveLength(1)
  expect(await accountOf(world, broken)).toMatchObject({ failures: 0, cooldownUntil: null })
})

test("errors of the deployment's own account do not stop the teams, a pause stops everybody", async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const account = await team.depositLiteLlm()
  await world.db.$transaction((tx) => coolDown(tx, deploymentAccount, 'rate-limited', 60))
  expect(await runMint(world.ctx, (await team.request(account)).mintId)).toEqual({ kind: 'done' })
  await world.db.$executeRaw`update keymint.minting set paused_at = now(), pause_reason = 'lunch'`
  // Nothing runs behind a pause: whoever ends it sends all jobs again.
  const paused = await team.request(account)
  expect(await runMint(world.ctx, paused.mintId)).toEqual({ kind: 'done' })
  expect((await team.row(paused.keyId)).state).toBe('pending')
  expect(await world.db.mint.findUniqueOrThrow({ where: { id: paused.mintId } })).toMatchObject({
    state: 'pending',
    delayReason: 'paused',
  })
})

test('a proxy that hangs holds no claim up, and its own mints are made once it answers', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  await world.db.$executeRaw`update keymint.teams set max_live_keys = 100`
  const account = await team.depositLiteLlm()
  await team.sim('POST', 'faults', { rules: [{ match: 'POST /key/generate', fault: 'hang' }] })
  await world.startWorkerHere(2)
  await world.db.team.update({ where: { id: team.teamId }, data: { maxLiveKeys: 30 } })
  const hanging = await Promise.all(Array.from({ length: 30 }, () => team.request(account)))
  await expect
    .poll(async () => (await team.sim<{ running: number }>('GET', 'calls')).running, {
      timeout: 20_000,
    })
    .toBeGreaterThan(0)
  for (let index = 0; index < 10; index++) await claim(world)
  await expect
    .poll(() => world.db.workshopAttendance.count({ where: { state: 'ready' } }), {
      timeout: 30_000,
    })
    .toBe(10)
  expect(await world.db.apiKey.count({ where: { state: { not: 'pending' } } })).toBe(0)
  await team.sim('DELETE', 'faults')
  await world.db.$executeRaw`update keymint.accounts set cooldown_until = now()`
  await expect
    .poll(async () => (await team.row(hanging[0]!.keyId)).state, {
      timeout: 40_000,
      interval: 500,
    })
    .toBe('ready')
}, 120_000)

test('a disabled credential makes nothing new and says so; what exists is still read', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const account = await team.depositLiteLlm()
  const first = await team.request(account)
  await runMint(world.ctx, first.mintId)
  const input = {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId: account,
    userId: team.userId,
  }
  // Asked for in the moment before.
  const { keyId, mintId } = await team.request(account)
  expect(await disableKey(world.ctx, input)).toBe(true)
  expect(await runMint(world.ctx, mintId)).toEqual({ kind: 'done' })
  expect(await team.row(keyId)).toMatchObject({
    state: 'refused',
    reasonDetail: expect.stringContaining('disabled this credential') as string,
  })
  await team.sim('POST', 'spend', { hash: (await team.row(first.keyId)).keyHash, usd: 0.25 })
  await readList(world, account)
  const read = await team.keyRow(first.keyId)
  expect(read).toMatchObject({ seenOff: false, readAt: expect.any(Date) as Date })
  expect(Number(read.usedUsd)).toBe(0.25)
  await team.changeCap(first.keyId, usd(1))
  expect(await keysAt(world, account)).toMatchObject([{ cap: usd(1), disabled: false }])
  await team.endKey(first.keyId)
  expect(await keysAt(world, account)).toMatchObject([{ disabled: true }])
  expect(await enableKey(world.ctx, input)).toBe(true)
  const second = await team.request(account)
  await runMint(world.ctx, second.mintId)
  expect((await team.row(second.keyId)).state).toBe('ready')
})

test('what a service cannot do is refused with a message and without a call', async () => {
  await using world = await openWorld()
  const team = await openTeamWithServices(world)
  const { keyId, mintId } = await team.request(await team.depositOpenRouter())
  // Asked for when another build still offered it.
  await world.db.mint.update({
    where: { id: mintId },
    data: { options: { gpu: 'any' } },
  })
  const calls = await world.calls()
  await runMint(world.ctx, mintId)
  expect(await team.row(keyId)).toMatchObject({
    state: 'refused',
    reason: 'rejected-by-provider',
    reasonDetail: 'OpenRouter does not offer gpu any.',
  })
  expect(await world.calls()).toEqual(calls)
})
