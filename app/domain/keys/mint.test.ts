/**
 * Claiming, minting and binding against a real Postgres and the stand-in: races as races, lost
 * answers as lost answers.
 */
import { expect, test } from 'vitest'
import { createDb } from '~/adapters/db.server'
import type { KeyPage } from '~/adapters/service-adapter'
import { claimKey, type ClaimOutcome } from '~/domain/claim/claim.server'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { revealKey } from '~/domain/claim/reveal.server'
import { readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, withService, type World } from '../../../tests/world'
import { startTcpProxy } from '../../../tests/tcp-proxy'
import { deploymentAccount } from './accounts.server'
import { runMint } from './mint.server'
import { readAccount } from './read-account.server'

const slug = 'test-workshop'

async function settled(world: World, count: number, patienceMs = 40_000) {
  await expect
    .poll(
      () => world.db.workshopAttendance.count({ where: { state: { in: ['ready', 'refused'] } } }),
      { timeout: patienceMs, interval: 100 },
    )
    .toBe(count)
}

async function onlyMintId(world: World): Promise<string> {
  const mint = await world.db.mint.findFirstOrThrow({ where: { state: 'pending' } })
  return mint.id
}

/** The pool is the sum of what the claims have committed, at any time. */
async function expectPoolToAddUp(world: World) {
  const [sums] = await world.db.$queryRaw<
    { pool: string; claims: string; seats: number; holders: number }[]
  >`
    select (select coalesce(sum(committed_usd), 0)::text from keymint.pools) as pool,
      (select coalesce(sum(committed_usd), 0)::numeric(20,9)::text from keymint.workshop_attendance) as claims,
      (select coalesce(sum(seats), 0)::int from keymint.pools) as seats,
        (select count(*)::int from keymint.workshop_attendance where state <> 'refused') as holders`
  expect(Number(sums?.pool)).toBe(Number(sums?.claims))
  expect(sums?.seats).toBe(sums?.holders)
}

test('fifty concurrent claims of one person give one claim and one key', async () => {
  await using world = await openWorld()
  await world.startWorkerHere()
  const [person] = await world.people(1)
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () =>
      claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false }),
    ),
  )
  expect(
    new Set(outcomes.map((outcome) => ('claimId' in outcome ? outcome.claimId : outcome.kind)))
      .size,
  ).toBe(1)
  expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(1)
  await settled(world, 1)
  expect(await world.liveKeys()).toHaveLength(1)
  expect((await world.calls())['POST /keys']).toBe(1)
  await expectPoolToAddUp(world)
})

test('three hundred people for a hundred seats give exactly a hundred claims', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ maxKeys: 100 })] })
  const people = await world.people(300)
  const outcomes = await Promise.all(
    people.map((person) => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
  )
  expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(100)
  expect(
    outcomes.filter((outcome) => outcome.kind === 'refused' && outcome.reason === 'full'),
  ).toHaveLength(200)
  expect(await world.db.mint.count()).toBe(100)
  await expectPoolToAddUp(world)
})

test('the very first claims of a workshop, all at once, are all accepted', async () => {
  await using world = await openWorld()
  const outcomes = await Promise.all(
    (await world.people(20)).map((person) =>
      claimKey(world.ctx, { workshopSlug: slug, person, optIn: false }),
    ),
  )
  expect(outcomes.map((outcome) => outcome.kind)).toEqual(
    Array.from({ length: 20 }, () => 'queued'),
  )
  await expectPoolToAddUp(world)
})

test('the pool of money ends the claims even where seats are left', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ poolLimit: usd(7), keyLimit: usd(2), maxKeys: 50 })],
  })
  const outcomes = await Promise.all(
    (await world.people(20)).map((person) =>
      claimKey(world.ctx, { workshopSlug: slug, person, optIn: false }),
    ),
  )
  expect(outcomes.filter((outcome) => outcome.kind === 'queued')).toHaveLength(3)
  await expectPoolToAddUp(world)
})

test('two people with the same verified address get one claim, and the second is told why', async () => {
  await using world = await openWorld()
  const people = await world.people(2)
  const shared = people.map((person) => ({ ...person, emailNormalized: 'shared@example.org' }))
  const outcomes: ClaimOutcome[] = []
  for (const person of shared)
    outcomes.push(await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false }))
  expect(outcomes[0]?.kind).toBe('queued')
  expect(outcomes[1]).toEqual({ kind: 'refused', reason: 'email-already-claimed' })
})

test('a claim becomes a bound key that its owner alone can reveal', async () => {
  await using world = await openWorld()
  await world.startWorkerHere()
  const [person, other] = await world.people(2)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await expect
    .poll(
      async () =>
        (await findClaimView(world.ctx, { workshopSlug: slug, userId: person!.userId }))?.key
          ?.unbound,
      { timeout: 20_000 },
    )
    .toBeNull()
  const revealed = await revealKey(world.ctx, { workshopSlug: slug, userId: person!.userId })
  expect(revealed).toMatchObject({
    kind: 'revealed',
    key: expect.stringMatching(/^sk-or-v1-[0-9a-f]{64}$/) as string,
  })
  expect(await revealKey(world.ctx, { workshopSlug: slug, userId: other!.userId })).toEqual({
    kind: 'no-key',
  })
  const guardrails = await world.ctx.provider.listGuardrails()
  expect(guardrails.map((guardrail) => guardrail.name)).toEqual([`workshop-${slug}`])
  const actions = (await world.db.auditEvent.findMany({ orderBy: { id: 'asc' } })).map(
    (event) => event.action,
  )
  expect(actions).toEqual(
    expect.arrayContaining(['claim.made', 'key.minted', 'key.bound', 'key.revealed']),
  )
})

// The stand-in does the work, then resets the connection. There is no other key.
test('with answers lost on 30 % of creates, two hundred claims end with two hundred keys', async () => {
  await using world = await openWorld()
  await world.faults({ seed: 7, rules: [{ match: 'POST /keys', fault: 'reset-after', rate: 0.3 }] })
  await world.startWorkerHere(10)
  await Promise.all(
    (await world.people(200)).map((person) =>
      claimKey(world.ctx, { workshopSlug: slug, person, optIn: false }),
    ),
  )
  await settled(world, 200, 55_000)
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(200)
  await world.clearFaults()
  await readAll(world)
  const held = new Set(
    (await world.db.workshopAttendance.findMany({ select: { orKeyHash: true } })).map(
      (claim) => claim.orKeyHash,
    ),
  )
  const live = await world.liveKeys()
  expect(live).toHaveLength(200)
  expect(live.every((key) => held.has(key.hash))).toBe(true)
  await expectPoolToAddUp(world)
}, 120_000)

test('a COMMIT whose answer is lost keeps the key', async () => {
  await using world = await openWorld()
  const proxy = await startTcpProxy(world.database.url)
  const db = createDb(proxy.urlFor(world.database.url), { max: 4, applicationName: 'cut' })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  let sprung: Promise<void> = Promise.resolve()
  const cut = withService(world.ctx, (real) => ({
    createKey: async (credential, key) => {
      const created = await real.createKey(credential, key)
      sprung = proxy.cutAnswerAfter('COMMIT')
      return created
    },
  }))
  expect(await runMint({ ...cut, db }, await onlyMintId(world))).toEqual({ kind: 'done' })
  await sprung
  const claim = await world.db.workshopAttendance.findFirstOrThrow()
  expect(claim.state).toBe('ready')
  expect((await world.liveKeys()).map((key) => key.hash)).toEqual([claim.orKeyHash])
  await db.$disconnect()
  await proxy.stop()
})

test('a key minted while reconcile runs survives it', async () => {
  await using world = await openWorld()
  const [earlier, first, second] = await world.people(3)
  await claimKey(world.ctx, { workshopSlug: slug, person: earlier!, optIn: false })
  await runMint(world.ctx, await onlyMintId(world))
  await claimKey(world.ctx, { workshopSlug: slug, person: first!, optIn: false })
  // The pass lists before the key exists, and once more while it exists but is not saved yet.
  const mintDuringList = withService(world.ctx, (real) => ({
    async *listKeys(credential, options) {
      const pages: KeyPage[] = []
      for await (const page of real.listKeys(credential, options)) pages.push(page)
      await runMint(world.ctx, await onlyMintId(world))
      yield* pages
    },
  }))
  await readAccount(mintDuringList, deploymentAccount)
  expect(await world.liveKeys()).toHaveLength(2)

  await claimKey(world.ctx, { workshopSlug: slug, person: second!, optIn: false })
  const reconcileBeforeSave = withService(world.ctx, (real) => ({
    createKey: async (credential, key) => {
      const created = await real.createKey(credential, key)
      await readAll(world)
      return created
    },
  }))
  await runMint(reconcileBeforeSave, await onlyMintId(world))
  expect(await world.liveKeys()).toHaveLength(3)
  expect(await world.db.workshopAttendance.count({ where: { state: 'ready' } })).toBe(3)
})

test('a save that comes after its attempt was condemned saves nothing and deletes its key', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  const condemnFirst = withService(world.ctx, (real) => ({
    createKey: async (credential, key) => {
      const created = await real.createKey(credential, key)
      await world.db
        .$executeRaw`update keymint.mint_attempts set state = 'condemned' where name = ${key.name}`
      return created
    },
  }))
  await runMint(condemnFirst, await onlyMintId(world))
  expect(await world.liveKeys()).toEqual([])
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('pending')
})

test('a refusal that will pass snoozes every mint, is not counted, and the page says why', async () => {
  await using world = await openWorld()
  await world.faults({
    rules: [{ match: 'POST /keys', fault: '429', retryAfterSeconds: 2, times: 1 }],
  })
  const people = await world.people(3)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  const first = await onlyMintId(world)
  expect(await runMint(world.ctx, first)).toMatchObject({ kind: 'snooze', reason: 'rate-limited' })
  const view = await findClaimView(world.ctx, { workshopSlug: slug, userId: people[1]!.userId })
  expect(view?.waiting?.delay).toMatchObject({ reason: 'rate-limited' })
  expect((await world.db.mint.findUniqueOrThrow({ where: { id: first } })).attempts).toBe(0)
  const calls = (await world.calls())['POST /keys']
  const others = await world.db.mint.findMany({ where: { id: { not: first } } })
  for (const { id } of others)
    expect(await runMint(world.ctx, id)).toMatchObject({ kind: 'snooze' })
  expect((await world.calls())['POST /keys']).toBe(calls)
  await world.startWorkerHere()
  await settled(world, 3)
})

test('a hard refusal ends the claim with a message and gives its reservation back', async () => {
  await using world = await openWorld()
  await world.faults({
    rules: [
      { match: 'POST /keys', fault: 'refuse', status: 400, message: 'Invalid request parameters' },
    ],
  })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  expect(await runMint(world.ctx, await onlyMintId(world))).toMatchObject({
    kind: 'done',
    error: { reason: 'bad-request', status: 400 },
  })
  const view = await findClaimView(world.ctx, { workshopSlug: slug, userId: person!.userId })
  expect(view).toMatchObject({
    state: 'refused',
    refusal: { reason: 'rejected-by-provider', detail: 'Invalid request parameters' },
  })
  await expectPoolToAddUp(world)
  expect((await world.db.pool.findFirstOrThrow()).seats).toBe(0)
})

test('with the switch off nobody can claim, and a waiting mint is parked without a call', async () => {
  await using world = await openWorld()
  const [person, late] = await world.people(2)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  const off = { ...world.ctx, settings: { ...world.ctx.settings, provisioningEnabled: false } }
  expect(await claimKey(off, { workshopSlug: slug, person: late!, optIn: false })).toEqual({
    kind: 'refused',
    reason: 'switched-off',
  })
  expect(await runMint(off, await onlyMintId(world))).toMatchObject({
    kind: 'done',
  })
  expect((await world.db.mint.findFirstOrThrow()).delayReason).toBe('switched-off')
  expect(Object.keys(await world.calls())).toEqual([])
})

test('an unreadable 201 whose body holds the key is saved, not thrown away', async () => {
  await using world = await openWorld()
  await world.faults({
    rules: [{ match: 'POST /keys', fault: 'drop-field', field: 'workspace_id', times: 1 }],
  })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  await runMint(world.ctx, await onlyMintId(world))
  expect((await world.db.workshopAttendance.findFirstOrThrow()).state).toBe('ready')
  expect((await world.calls())['POST /keys']).toBe(1)
})
