/**
 * Binding against the stand-in: a bad hash, short counts, a vanished guardrail, many at once, a
 * changed file.
 */
import { expect, test } from 'vitest'
import type { KeyProvider } from '~/adapters/key-provider'
import { claimKey } from '~/domain/claim/claim.server'
import { revealKey } from '~/domain/claim/reveal.server'
import { runMint } from '~/domain/keys/mint.server'
import { sweep } from '~/domain/operations/sweep.server'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { bindKeys } from './bind.server'
import { ensureGuardrail } from './guardrail.server'

const slug = 'test-workshop'

/** Keys that are minted and not bound yet. */
async function unboundKeys(world: World, count: number) {
  const people = await world.people(count)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  const mints = await world.db.mint.findMany({ where: { state: 'pending' } })
  await Promise.all(mints.map((mint) => runMint(world.ctx, mint.id)))
  return { mintIds: mints.map((mint) => mint.id), people }
}

const boundCount = (world: World) =>
  world.db.workshopAttendance.count({ where: { guardrailAttachedAt: { not: null } } })

async function assignedUpstream(world: World): Promise<number> {
  const [guardrail] = await world.ctx.provider.listGuardrails()
  return guardrail ? (await world.ctx.provider.listAssignedHashes(guardrail.id)).size : 0
}

test('a key that is gone upstream is set aside with a reason, and all others of its batch are bound', async () => {
  await using world = await openWorld()
  const { mintIds } = await unboundKeys(world, 30)
  const gone = await world.db.workshopAttendance.findFirstOrThrow()
  await world.ctx.provider.deleteKey(gone.orKeyHash!)
  // A batch gives up halving after some calls: what it did not reach comes again.
  await expect
    .poll(
      async () => {
        await bindKeys(world.ctx, mintIds)
        return boundCount(world)
      },
      { timeout: 20_000 },
    )
    .toBe(29)
  const aside = await world.db.workshopAttendance.findFirstOrThrow({
    where: { guardrailAttachedAt: null },
  })
  expect(aside).toMatchObject({ claimId: gone.claimId, bindSetAside: true })
  expect(aside.bindError).toMatch(/no key with this hash/)
  expect(await assignedUpstream(world)).toBe(29)
})

test('a count that is too small is not believed: what is not assigned is found and tried again', async () => {
  await using world = await openWorld()
  const { mintIds } = await unboundKeys(world, 10)
  await world.faults({
    rules: [
      { match: 'POST /guardrails/*/assignments/keys', fault: 'undercount', skip: 3, times: 1 },
    ],
  })
  const outcomes = await bindKeys(world.ctx, mintIds)
  expect([...outcomes.values()].every(({ outcome }) => outcome === 'bound')).toBe(true)
  expect(await assignedUpstream(world)).toBe(10)
})

test('a guardrail that was deleted upstream is forgotten and made again', async () => {
  await using world = await openWorld()
  const { id } = await ensureGuardrail(world.ctx, slug)
  const { mintIds } = await unboundKeys(world, 3)
  const authorization = `Bearer ${world.upstream.managementKey}`
  expect(
    (
      await fetch(`${world.upstream.baseUrl}/guardrails/${id}`, {
        method: 'DELETE',
        headers: { authorization },
      })
    ).ok,
  ).toBe(true)
  await bindKeys(world.ctx, mintIds)
  const outcomes = await bindKeys(world.ctx, mintIds)
  expect([...outcomes.values()].map(({ outcome }) => outcome)).toEqual(['bound', 'bound', 'bound'])
  expect((await world.db.guardrail.findFirstOrThrow()).guardrailId).not.toBe(id)
  expect(await assignedUpstream(world)).toBe(3)
})

test('sixteen ensures at once make one guardrail', async () => {
  await using world = await openWorld()
  const ids = await Promise.all(Array.from({ length: 16 }, () => ensureGuardrail(world.ctx, slug)))
  expect(new Set(ids.map((one) => one.id)).size).toBe(1)
  expect(await world.ctx.provider.listGuardrails()).toHaveLength(1)
})

test('a guardrail whose making was answered with a lost connection is found again, not doubled', async () => {
  await using world = await openWorld()
  await world.faults({ rules: [{ match: 'POST /guardrails', fault: 'reset-after', times: 1 }] })
  await expect(ensureGuardrail(world.ctx, slug)).rejects.toMatchObject({ name: 'ProviderError' })
  await ensureGuardrail(world.ctx, slug)
  expect(await world.ctx.provider.listGuardrails()).toHaveLength(1)
})

// While keys are assigned to it, and after its claims have closed.
test('a changed file changes the same guardrail', async () => {
  await using world = await openWorld()
  const { mintIds } = await unboundKeys(world, 3)
  await bindKeys(world.ctx, mintIds)
  const [before] = await world.ctx.provider.listGuardrails()
  const change = {
    allowedModels: ['openai/gpt-5-nano', 'openai/gpt-5-mini'],
    claimsCloseAt: new Date(Date.now() - 1_000),
  }
  world.ctx.workshops.workshops.set(slug, makeWorkshop(change))
  await sweep(world.ctx)
  const [after, ...others] = await world.ctx.provider.listGuardrails()
  expect(others).toEqual([])
  expect(after?.id).toBe(before?.id)
  expect(after?.allowedModels).toHaveLength(2)
  expect(await assignedUpstream(world)).toBe(3)
})

test('a changed file finds its guardrail deleted and makes it again', async () => {
  await using world = await openWorld()
  const { id } = await ensureGuardrail(world.ctx, slug)
  await fetch(`${world.upstream.baseUrl}/guardrails/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${world.upstream.managementKey}` },
  })
  world.ctx.workshops.workshops.set(slug, makeWorkshop({ allowedModels: ['openai/gpt-5-mini'] }))
  const remade = await ensureGuardrail(world.ctx, slug)
  expect(remade.id).not.toBe(id)
  expect((await world.ctx.provider.listGuardrails()).map((guardrail) => guardrail.id)).toEqual([
    remade.id,
  ])
})

test('a failed assignment never fails the attendee, and its end is noticed', async () => {
  await using world = await openWorld()
  const { mintIds, people } = await unboundKeys(world, 2)
  const owner = { workshopSlug: slug, userId: people[0]!.userId }
  await world.faults({ bindFails: true })
  expect([...(await bindKeys(world.ctx, mintIds)).values()]).toMatchObject([
    { outcome: 'again', error: { reason: 'server-error', status: 500 } },
    { outcome: 'again' },
  ])
  expect(await revealKey(world.ctx, owner)).toEqual({ kind: 'not-yet' })
  await world.db.$executeRaw`update keymint.keys set saved_at = saved_at - interval '5 s'`
  expect(await revealKey(world.ctx, owner)).toMatchObject({ kind: 'revealed' })
  const unbound = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: owner.userId },
  })
  expect(unbound).toMatchObject({ state: 'ready', bindSetAside: false, bindAttempts: 1 })
  expect(unbound.bindError).toMatch(/500/)
  await world.clearFaults()
  await bindKeys(world.ctx, mintIds)
  expect(await boundCount(world)).toBe(2)
})

test('a failure in one workshop leaves the keys of another bound', async () => {
  const other = makeWorkshop({ slug: 'other-workshop' })
  await using world = await openWorld({ workshops: [makeWorkshop(), other] })
  const [one, two] = await world.people(2)
  await claimKey(world.ctx, { workshopSlug: slug, person: one!, optIn: false })
  await claimKey(world.ctx, { workshopSlug: other.slug, person: two!, optIn: false })
  const mints = await world.db.mint.findMany()
  for (const mint of mints) await runMint(world.ctx, mint.id)
  await world.db.guardrail.deleteMany({ where: { workshopSlug: slug } })
  const provider: KeyProvider = {
    ...world.ctx.provider,
    listGuardrails: () => Promise.reject(new Error('a bug')),
  }
  const outcomes = await bindKeys(
    { ...world.ctx, provider },
    mints.map((mint) => mint.id),
  )
  expect([...outcomes.values()].map(({ outcome }) => outcome).sort()).toEqual(['again', 'bound'])
})
