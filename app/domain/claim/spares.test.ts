/**
 * Pre-minted keys: made and paid for before anybody asks, handed over once, in the claim's own
 * transaction, and closed with their money returned where they no longer fit.
 */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { findClaimView } from '~/domain/claim/claim-view.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { endWorkshop } from '~/domain/claim/end-workshop.server'
import { revealKey } from '~/domain/claim/reveal.server'
import { keepSpares } from '~/domain/claim/spares.server'
import { deploymentAccount, parkAccount } from '~/domain/keys/accounts.server'
import { bindKeys } from '~/domain/keys/bind.server'
import { pauseMinting } from '~/domain/keys/pause.server'
import { readCounters, verifyCounters } from '~/domain/operations/counters.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import type { Workshop } from '~/domain/workshop-file'
import { expectPoolToAddUp, mintAll, poolNow } from '../../../tests/claims'
import { letSettle, readAll, work } from '../../../tests/engine'
import { changeFile, claim, claimOf, fill, openStock, slug, stock } from '../../../tests/spares'
import { usd } from '../../../tests/world'

const hour = 3_600_000
const day = 24 * hour

test('keys are made, assigned and paid for before claims open, and take no seat', async () => {
  const soon = new Date(Date.now() + 30 * 60_000)
  await using world = await openStock({ claimsOpenAt: soon })
  expect(await keepSpares(world.ctx)).toBe(3)
  expect(await poolNow(world)).toEqual({ committed: 6, seats: 0 })
  await mintAll(world)
  expect(await stock(world)).toEqual({ ready: 3 })
  const keys = await world.db.key.findMany()
  expect(keys.map((key) => [key.holderKind, key.guardrailAt !== null])).toEqual(
    Array(3).fill(['spare', true]),
  )
  expect(await keepSpares(world.ctx)).toBe(0)
  // Nobody sees a place less because of them.
  const view = await findWorkshopView(world.ctx, slug)
  expect(view).toMatchObject({ seats: { left: 5_000, total: 5_000 } })
  await expectPoolToAddUp(world)
  await using early = await openStock({ claimsOpenAt: new Date(Date.now() + 3 * 3_600_000) })
  expect(await keepSpares(early.ctx)).toBe(0)
})

test('a claim takes one and is ready in its own transaction, without a call', async () => {
  await using world = await openStock()
  await fill(world)
  const before = await world.calls()
  const [person] = await world.people(1)
  expect(await claim(world, person!)).toMatchObject({ kind: 'queued' })
  const row = (await claimOf(world, person!))!
  expect(row).toMatchObject({ state: 'ready', generation: 1 })
  expect(row.guardrailAttachedAt).not.toBeNull()
  expect(await world.calls()).toEqual(before)
  expect(await poolNow(world)).toEqual({ committed: 6, seats: 1 })
  await expectPoolToAddUp(world)
  const shown = await findClaimView(world.ctx, { workshopSlug: slug, userId: person!.userId })
  expect(shown).toMatchObject({ state: 'ready', key: { revealable: true, unbound: null } })
  for (const step of shown!.steps) expect(step.seconds ?? 0).toBe(0)
  const revealed = await revealKey(world.ctx, { workshopSlug: slug, userId: person!.userId })
  expect(revealed).toMatchObject({ kind: 'revealed' })
  // Its name upstream is that of any key of this workshop: it never says whose it is.
  const upstream = await world.ctx.provider.findKey(row.orKeyHash!)
  expect(upstream?.name).toMatch(
    new RegExp(`^km/${world.ctx.installationId}/${slug}/[0-9a-f-]{36}$`),
  )
  const trail = await world.db.auditEvent.findMany({ where: { subject: `claim:${row.claimId}` } })
  expect(trail.map(({ action }) => action).sort()).toEqual([
    'claim.made',
    'key.revealed',
    'spare.taken',
  ])
  expect(await verifyCounters(world.ctx)).toEqual([])
  expect(await readCounters(world.db, slug)).toMatchObject({ total: 1, ready: 1, unbound: 0 })
  // From here on it is a claim's key like any other.
  await giveBack(world.ctx, row)
  await letSettle(world)
  expect(await poolNow(world)).toEqual({ committed: 4, seats: 0 })
  await expectPoolToAddUp(world)
})

test('fifty at once share forty keys: none goes twice, and the rest are made as always', async () => {
  await using world = await openStock({ premint: 40 })
  await fill(world)
  const people = await world.people(50)
  const wide = { ...world.ctx, limitClaims: ((run: () => unknown) => run()) as never }
  await Promise.all(
    [...people, ...people.slice(0, 20)].map((person) =>
      claimKey(wide, { workshopSlug: slug, person, optIn: false }),
    ),
  )
  const claims = await world.db.workshopAttendance.findMany()
  expect(claims).toHaveLength(50)
  const hashes = claims.flatMap(({ orKeyHash }) => orKeyHash ?? [])
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(hashes.length).toBe(40)
  await expectPoolToAddUp(world)
  await fill(world)
  expect(
    (await world.db.workshopAttendance.findMany()).every(({ state }) => state === 'ready'),
  ).toBe(true)
  expect(await stock(world)).toEqual({ taken: 40, ready: 40 })
  await expectPoolToAddUp(world)
})

test('while minting is paused or off, or its account is parked, none is made or handed out', async () => {
  await using world = await openStock()
  const [one, two, three] = await world.people(3)
  await fill(world)
  await pauseMinting(world.ctx, { actorUserId: 'github:staff', reason: 'a leak' })
  expect(await claim(world, one!)).toEqual({ kind: 'refused', reason: 'paused' })
  changeFile(world, { premint: 5 })
  expect(await keepSpares(world.ctx)).toBe(0)
  await world.db
    .$executeRaw`update keymint.minting set paused_at = null, pause_reason = null, paused_by = null`
  world.ctx.settings.provisioningEnabled = false
  expect(await claim(world, two!)).toEqual({ kind: 'refused', reason: 'switched-off' })
  expect(await keepSpares(world.ctx)).toBe(0)
  world.ctx.settings.provisioningEnabled = true
  await world.db.$transaction((tx) =>
    parkAccount(world.ctx, tx, deploymentAccount, 'made-other-keys'),
  )
  expect(await keepSpares(world.ctx)).toBe(0)
  await claim(world, three!)
  expect(await claimOf(world, three!)).toMatchObject({ state: 'pending', orKeyHash: null })
  expect(await stock(world)).toEqual({ ready: 3 })
})

test.each([
  ['the limit', { keyLimit: usd(1) }],
  ['the models', { allowedModels: ['anthropic/claude-sonnet-4.6'] }],
  ['the end', { keyExpiresAt: new Date(Date.now() + 2 * 86_400_000) }],
  ['the reset', { keyLimitReset: 'daily' }],
] as const)(
  'a file that changes %s is followed: no old key is handed out, they are closed, their money returns',
  async (_what, change) => {
    await using world = await openStock()
    await fill(world)
    changeFile(world, {
      ...change,
      allowedModels: [...((change as Partial<Workshop>).allowedModels ?? ['openai/gpt-5-nano'])],
    })
    const [person] = await world.people(1)
    await claim(world, person!)
    expect(await claimOf(world, person!)).toMatchObject({ state: 'pending' })
    await fill(world)
    await work(world)
    expect(await stock(world)).toEqual({ ended: 3, ready: 3 })
    const old = await world.db.spare.findMany({ where: { state: 'ended' } })
    expect(old.every(({ reason }) => reason === 'terms-changed')).toBe(true)
    await letSettle(world)
    await expectPoolToAddUp(world)
    for (const spare of await world.db.spare.findMany({ where: { state: 'ended' } }))
      expect(spare.committedUsd.toNumber()).toBe(0)
    const ended = await world.db.key.findMany({ where: { offEndedAt: { not: null } } })
    expect(ended).toHaveLength(3)
    for (const key of ended)
      expect((await world.ctx.provider.findKey(key.hash!))?.disabled).toBe(true)
    const [next] = await world.people(1)
    await claim(world, next!)
    expect(await claimOf(world, next!)).toMatchObject({ state: 'ready' })
    await expectPoolToAddUp(world)
  },
)

test('what is not needed is closed: fewer in the file, no file, claims that are over, an end by staff', async () => {
  await using world = await openStock()
  await fill(world)
  changeFile(world, { premint: 1 })
  expect(await keepSpares(world.ctx)).toBe(2)
  expect(await stock(world)).toEqual({ ended: 2, ready: 1 })
  changeFile(world, { premint: 3 })
  await keepSpares(world.ctx)
  expect(await stock(world)).toEqual({ ended: 2, ready: 1, pending: 2 })
  // Not made yet: its money returns at once.
  await letSettle(world)
  changeFile(world, { claimsCloseAt: new Date(Date.now() - 1_000) })
  await keepSpares(world.ctx)
  expect(await stock(world)).toEqual({ ended: 5 })
  await letSettle(world)
  expect(await poolNow(world)).toEqual({ committed: 0, seats: 0 })

  changeFile(world, { claimsCloseAt: new Date(Date.now() + 3_600_000) })
  await fill(world)
  const file = world.ctx.workshops.workshops.get(slug)!
  world.ctx.workshops.workshops.delete(slug)
  world.ctx.workshops.broken.add(slug)
  // A file that cannot be read says nothing.
  expect(await keepSpares(world.ctx)).toBe(0)
  world.ctx.workshops.broken.delete(slug)
  expect(await keepSpares(world.ctx)).toBe(3)
  world.ctx.workshops.workshops.set(slug, file)
  await fill(world)
  await endWorkshop(world.ctx, { slug, actorUserId: 'github:staff', reason: 'fire alarm' })
  expect(await keepSpares(world.ctx)).toBe(3)
  await work(world)
  await letSettle(world)
  expect((await poolNow(world)).committed).toBe(0)
  expect(await keepSpares(world.ctx)).toBe(0)
  await expectPoolToAddUp(world)
})

test('spares pass neither pool nor seats, and no claim is refused for money that only they hold', async () => {
  await using world = await openStock({ premint: 10, poolLimit: usd(8) })
  await keepSpares(world.ctx)
  expect(await poolNow(world)).toEqual({ committed: 8, seats: 0 })
  expect(await findWorkshopView(world.ctx, slug)).toMatchObject({ seats: { left: 4 } })
  // None is made yet: the claim gets the money of one that then is not made.
  const [one, two, three, four, five] = await world.people(5)
  await claim(world, one!)
  expect(await claimOf(world, one!)).toMatchObject({ state: 'pending' })
  expect(await stock(world)).toEqual({ ended: 1, pending: 3 })
  await expectPoolToAddUp(world)
  // They are made, and the guardrail's endpoint does not answer: one that is unbound will do.
  await world.faults({ rules: [{ match: 'POST /guardrails', fault: '503' }] })
  await mintAll(world)
  await claim(world, two!)
  const unbound = await claimOf(world, two!)
  expect(unbound).toMatchObject({ state: 'ready', guardrailAttachedAt: null })
  await world.clearFaults()
  await work(world)
  const mints = await world.db.mint.findMany()
  await bindKeys(
    world.ctx,
    mints.map(({ id }) => id),
  )
  expect((await claimOf(world, two!))?.guardrailAttachedAt).not.toBeNull()
  await Promise.all([claim(world, three!), claim(world, four!)])
  expect(await claimOf(world, four!)).toMatchObject({ state: 'ready' })
  expect(await claim(world, five!)).toEqual({ kind: 'refused', reason: 'full' })
  expect(await poolNow(world)).toEqual({ committed: 8, seats: 4 })
  await keepSpares(world.ctx)
  expect(await poolNow(world)).toEqual({ committed: 8, seats: 4 })
  await expectPoolToAddUp(world)

  await using few = await openStock({ premint: 4, maxKeys: 4 })
  await fill(few)
  const [first] = await few.people(1)
  await claim(few, first!)
  await keepSpares(few.ctx)
  expect(await stock(few)).toEqual({ taken: 1, ready: 3 })
})

test('a daily cap: a key that waited over midnight is claimed with the money of its own days', async () => {
  const midnight = Math.ceil((Date.now() + hour) / day) * day
  const at = (hours: number) => new Date(midnight + hours * hour)
  await using world = await openStock(
    {
      premint: 1,
      keyLimitReset: 'daily',
      claimsOpenAt: at(-4),
      claimsCloseAt: at(40),
      keyExpiresAt: at(48),
    },
    { clock: at(-2) },
  )
  await fill(world)
  expect(await poolNow(world)).toEqual({ committed: 6, seats: 0 })
  await world.travelTo(at(8))
  await readAll(world)
  const [person] = await world.people(1)
  await claim(world, person!)
  const row = (await claimOf(world, person!))!
  expect(row).toMatchObject({ state: 'ready' })
  expect(row.committedUsd.toNumber()).toBe(4)
  expect(await poolNow(world)).toEqual({ committed: 4, seats: 1 })
  await expectPoolToAddUp(world)
})
