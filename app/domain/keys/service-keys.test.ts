/**
 * Sub-keys through the mint engine, at teams' own services: the same guarantees as for claims, and
 * nobody else's trouble.
 */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { disableKey, enableKey } from '~/domain/vault/vault.server'
import { openWorld, usd, type World } from '../../../tests/harness'
import { openTeamBench } from '../../../tests/team-bench'
import { coolDown, deploymentAccount, openAccount } from './accounts.server'
import { applyKey } from './apply.server'
import { keyPlace } from './mint-attempt.server'
import { listAccount, sendAccountReads } from './read-account.server'

const claim = async (world: World) =>
  claimKey(world.ctx, {
    workshopSlug: 'test-workshop',
    person: (await world.people(1))[0]!,
    optIn: false,
  })
const keysAt = async (world: World, masterKeyId: string) => {
  const { adapter, credential } = (await openAccount(world.ctx, masterKeyId))!
  const keys = []
  for await (const page of adapter.listKeys(credential)) keys.push(...page.keys)
  return keys
}
const accountOf = (world: World, id: string) =>
  world.db.account.findUniqueOrThrow({ where: { id } })
/** One pass over the account's list, as its job makes it. */
const readList = async (world: World, id: string, options: { dryRun?: boolean } = {}) =>
  listAccount(world.ctx, (await openAccount(world.ctx, id))!, {
    signal: AbortSignal.timeout(30_000),
    ...options,
  })

for (const service of ['LiteLlm', 'OpenRouter'] as const) {
  test(`a sub-key is made at ${service} with the team's credential, sealed to its row, audited and never bound`, async () => {
    await using world = await openWorld()
    const team = await openTeamBench(world)
    const account = await team[`deposit${service}`]()
    const { holderId, mintId } = await team.request(account, {
      limitReset: 'monthly',
      expiresAt: new Date(Date.now() + 86_400_000),
    })
    expect(await runMint(world.ctx, mintId)).toEqual({ kind: 'done' })
    const key = await team.keyOf(holderId)
    const [upstream] = await keysAt(world, account)
    expect(key).toMatchObject({ state: 'ready', hash: upstream!.id })
    expect(upstream).toMatchObject({
      cap: usd(2),
      reset: 'monthly',
      name: expect.stringMatching(
        new RegExp(`^km/${world.ctx.installationId}/team\\.a-team/`),
      ) as string,
    })
    expect(world.ctx.sealer.unseal(key.sealed!, keyPlace(key.keyId, 1))).toMatch(/^sk-/)
    expect(
      await world.db.$queryRaw`select 1 from pgboss.job where name = 'bind-guardrail'`,
    ).toEqual([])
    expect(await world.ctx.provider.listGuardrails()).toEqual([])
    expect(await world.db.auditEvent.findMany({ where: { action: 'key.minted' } })).toMatchObject([
      { subject: `sub-key:${holderId}`, workshopSlug: team.scope },
    ])
  })
}

test('answers that are lost on the way leave one key and no orphan', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const account = await team.depositLiteLlm()
  await team.sim('POST', 'faults', {
    seed: 3,
    rules: [{ match: 'POST /key/generate', fault: 'reset-after', rate: 0.4 }],
  })
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
  const held = await Promise.all(
    requests.map(async ({ holderId }) => (await team.keyOf(holderId)).hash),
  )
  expect((await keysAt(world, account)).map((key) => key.id).sort()).toEqual(held.sort())
})

test('twice the calls at once may be in doubt, and a list that shows none lets the next ones go', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const account = await team.depositLiteLlm()
  const ctx = { ...world.ctx, mintConcurrency: 2 }
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
  await team.sim('DELETE', 'faults')
  await tryAll()
  expect(await keysAt(world, account), 'nobody knows yet what became of the calls').toEqual([])
  await readList(world, account)
  expect(await unresolved()).toBe(0)
  await tryAll()
  expect(await keysAt(world, account)).toHaveLength(8)
})

test('a credential that the service no longer takes closes its own gate and no other: claims and other teams go on', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
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

test("trouble with the deployment's own account does not stop the teams, a pause stops everybody", async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const account = await team.depositLiteLlm()
  await world.db.$transaction((tx) => coolDown(tx, deploymentAccount, 'rate-limited', 60))
  expect(await runMint(world.ctx, (await team.request(account)).mintId)).toEqual({ kind: 'done' })
  await world.db.$executeRaw`update keymint.minting set paused_at = now(), pause_reason = 'lunch'`
  // Nothing runs behind a pause: whoever ends it sends all jobs again.
  const paused = await team.request(account)
  expect(await runMint(world.ctx, paused.mintId)).toEqual({ kind: 'done' })
  expect((await team.keyOf(paused.holderId)).state).toBe('pending')
  expect(await world.db.mint.findUniqueOrThrow({ where: { id: paused.mintId } })).toMatchObject({
    state: 'pending',
    delayReason: 'paused',
  })
})

test('a proxy that hangs holds no claim up, and its own mints are made once it answers', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const account = await team.depositLiteLlm()
  await team.sim('POST', 'faults', { rules: [{ match: 'POST /key/generate', fault: 'hang' }] })
  await world.startWorkerHere(2)
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
  expect(
    await world.db.$queryRaw`select 1 from keymint.test_keys where state <> 'pending'`,
  ).toEqual([])
  await team.sim('DELETE', 'faults')
  await world.db.$executeRaw`update keymint.accounts set cooldown_until = now()`
  await expect
    .poll(async () => (await team.keyOf(hanging[0]!.holderId)).state, {
      timeout: 40_000,
      interval: 500,
    })
    .toBe('ready')
}, 120_000)

test('with a disabled credential nothing new is made, in words; what exists is still read', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const account = await team.depositLiteLlm()
  const first = await team.request(account)
  await runMint(world.ctx, first.mintId)
  const input = {
    teamId: team.teamId,
    scope: team.scope,
    masterKeyId: account,
    userId: team.userId,
  }
  expect(await disableKey(world.ctx, input)).toBe(true)
  const { holderId, mintId } = await team.request(account)
  expect(await runMint(world.ctx, mintId)).toEqual({ kind: 'done' })
  expect(await team.keyOf(holderId)).toMatchObject({
    state: 'refused',
    reason: expect.stringContaining('disabled this credential') as string,
  })
  await team.sim('POST', 'spend', { hash: (await team.keyOf(first.holderId)).hash, usd: 0.25 })
  await readList(world, account)
  const read = await world.db.key.findUniqueOrThrow({ where: { id: first.keyId } })
  expect(read).toMatchObject({ seenOff: false, readAt: expect.any(Date) as Date })
  expect(Number(read.usedUsd)).toBe(0.25)
  await team.change(first.holderId, { cap: 1 })
  expect(await keysAt(world, account)).toMatchObject([{ cap: usd(1), disabled: false }])
  await team.change(first.holderId, { off: 'ended' })
  expect(await keysAt(world, account)).toMatchObject([{ disabled: true }])
  expect(await enableKey(world.ctx, input)).toBe(true)
  const again = await team.request(account)
  await runMint(world.ctx, again.mintId)
  expect((await team.keyOf(again.holderId)).state).toBe('ready')
})

test('what a service cannot do is refused in words before it is asked', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const { holderId, mintId } = await team.request(await team.depositOpenRouter(), {
    models: ['openai/gpt-5-nano'],
  })
  const calls = await world.calls()
  await runMint(world.ctx, mintId)
  expect(await team.keyOf(holderId)).toMatchObject({
    state: 'refused',
    reason: 'rejected-by-provider: OpenRouter cannot limit a key to a list of models.',
  })
  expect(await world.calls()).toEqual(calls)
})

test('reconcile touches nothing that is not provably ours, and deletes what is condemned even when its list does not show it', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const account = await team.depositLiteLlm()
  const [held, doomed] = [await team.request(account), await team.request(account)]
  for (const { mintId } of [held, doomed]) await runMint(world.ctx, mintId)
  const { adapter, credential } = (await openAccount(world.ctx, account))!
  const foreign = {
    name: 'somebody-elses',
    cap: usd(1),
    reset: null,
    expiresAt: null,
    models: null,
  }
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
  // Once for what the list shows, once for what the row knows.
  await team.sim('POST', 'faults', {
    rules: [{ match: 'POST /key/delete', fault: '503', times: 2 }],
  })
  expect(await readList(world, account)).toMatchObject({ orphansDeleted: 0 })
  expect(await condemned()).toMatchObject([{ keyHash: late, deletedAt: null }])
  expect(await adapter.findKey(credential, late)).not.toBeNull()
  // The next pass finds it by its row, even where the list does not show it.
  expect(await readList(world, account)).toMatchObject({ orphansDeleted: 1, orphansLeft: 0 })
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

test('a mint under way is not taken for an orphan, and one that was taken over after its answer saves nothing and leaves nothing', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
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
  expect((await team.keyOf(first.holderId)).state).toBe('ready')
  const second = await team.request(account)
  await runMint(
    during(
      (name) =>
        world.db
          .$executeRaw`update keymint.mint_attempts set state = 'condemned' where name = ${name}`,
    ),
    second.mintId,
  )
  expect((await team.keyOf(second.holderId)).state).toBe('pending')
  expect(await keysAt(world, account)).toHaveLength(1)
})

test('a key is deleted only where its own account made it, and may be deleted twice', async () => {
  await using world = await openWorld()
  const team = await openTeamBench(world)
  const [account, other] = [await team.depositLiteLlm(), await team.depositOpenRouter()]
  const { holderId, mintId, keyId } = await team.request(account)
  await runMint(world.ctx, mintId)
  const hash = (await team.keyOf(holderId)).hash!
  const { adapter, credential } = (await openAccount(world.ctx, account))!
  const foreign = await adapter.createKey(credential, {
    name: 'somebody-elses',
    cap: usd(1),
    reset: null,
    expiresAt: null,
    models: null,
  })
  await team.change(holderId, { cap: 3 })
  expect((await adapter.findKey(credential, hash))?.cap).toBe(usd(3))
  await team.change(holderId, { off: 'ended' })
  expect(await adapter.findKey(credential, hash)).toMatchObject({ disabled: true, cap: 1_000n })
  const before = await world.calls()
  await world.db.key.update({ where: { id: keyId }, data: { deleteWanted: true } })
  await team.sim('POST', 'faults', {
    rules: [{ match: 'POST /key/delete', fault: '503', times: 1 }],
  })
  const apply = () => applyKey(world.ctx, keyId, { ignoreBackoff: true })
  expect(await apply()).toMatchObject({ kind: 'snooze' })
  expect(await world.db.key.findUniqueOrThrow({ where: { id: keyId } })).toMatchObject({
    deletedAt: null,
  })
  expect(await apply()).toEqual({ kind: 'done' })
  expect(await apply()).toEqual({ kind: 'done' })
  await adapter.deleteKey(credential, hash)
  expect((await keysAt(world, account)).map((key) => key.id)).toEqual([foreign.id])
  expect(await world.calls(), 'the other account is asked nothing').toEqual(before)
  expect((await openAccount(world.ctx, other))?.service).toBe('openrouter')
  expect(await openAccount(world.ctx, crypto.randomUUID())).toBeNull()
})
