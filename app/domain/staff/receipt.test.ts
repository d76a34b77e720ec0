/** The receipt: made once, when everything has come in, from amounts that were really spent. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { sweep } from '~/domain/operations/sweep.server'
import { letSettle, readAll, travel } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { requestReceipt, makeReceipt, readReceiptPage } from './receipt.server'
import type { ReceiptBody } from './receipt-view'

const slug = 'test-workshop'
const hour = 3_600_000
const workshop = () =>
  makeWorkshop({
    claimsCloseAt: new Date(Date.now() + hour),
    keyExpiresAt: new Date(Date.now() + 2 * hour),
    marketingOptIn: 'Tell me',
    poolLimit: usd(100),
  })

async function claimAndUse(world: World, spends: number[]) {
  const people = await world.people(spends.length)
  for (const [index, person] of people.entries())
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: index === 0 })
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
  for (const [index, person] of people.entries()) {
    const claim = await world.db.workshopAttendance.findFirstOrThrow({
      where: { userId: person.userId },
    })
    if (spends[index] === 0) continue
    await world.call(
      '/__sim/spend',
      post({
        hash: claim.orKeyHash,
        usd: spends[index],
        model: index === 1 ? 'openai/gpt-5-mini' : 'openai/gpt-5-nano',
      }),
    )
  }
  await readAll(world)
}

const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Past the end, every last reading in. */
async function endAndSettle(world: World) {
  await travel(world, 3 * hour)
  await sweep(world.ctx)
  await letSettle(world)
}

test('a receipt waits for the last key and the last reading, is made once, and never changes', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [0.25, 1.5, 0])
  expect(await requestReceipt(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })).toBe(
    false,
  )
  expect((await readReceiptPage(world.ctx, slug))?.missing).toEqual([
    { what: 'open' },
    { what: 'live', keys: 3 },
  ])
  await travel(world, 3 * hour)
  await sweep(world.ctx)
  expect(await requestReceipt(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })).toBe(
    true,
  )
  expect(await makeReceipt(world.ctx, slug)).toMatchObject({ kind: 'snooze' })
  expect((await readReceiptPage(world.ctx, slug))?.asked?.missing.map((one) => one.what)).toEqual([
    'unsettled',
    'books',
  ])
  await letSettle(world)
  await travel(world, 48 * hour)
  await Promise.all([makeReceipt(world.ctx, slug), makeReceipt(world.ctx, slug)])
  const page = await readReceiptPage(world.ctx, slug)
  expect(page?.receipt?.body).toMatchObject({
    claims: 3,
    keysMade: 3,
    activePeople: 2,
    optIns: 1,
    spentUsd: '1.750000000',
    medianSpendUsd: '0.250000000',
    p95SpendUsd: '1.500000000',
    grantedUsd: '6.000000000',
    unspentUsd: '4.250000000',
    poolUsd: '100.000000000',
  })
  expect(
    await world.db.auditEvent.count({
      where: { action: { in: ['receipt.asked', 'receipt.made'] } },
    }),
  ).toBe(2)
  await expect(world.db.$executeRaw`update keymint.receipts set made_by = 'x'`).rejects.toThrow(
    /append-only/,
  )
  await expect(world.db.$executeRaw`delete from keymint.receipts`).rejects.toThrow(/append-only/)
  expect(await requestReceipt(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })).toBe(
    false,
  )
})

test('what each model cost is added up from the books of this workshop’s keys alone', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [0.25, 1.5, 0.5])
  const foreign = await world.ctx.provider.createKey({
    name: 'somebody else',
    limit: usd(5),
    limitReset: null,
    expiresAt: new Date(Date.now() + hour),
  })
  await world.call('/__sim/spend', post({ hash: foreign.hash, usd: 3, model: 'openai/gpt-5-nano' }))
  await endAndSettle(world)
  await world.call('/__sim/clock', post({ offsetMs: 51 * hour }))
  await travel(world, 48 * hour)
  await requestReceipt(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })
  expect(await makeReceipt(world.ctx, slug)).toEqual({ kind: 'done' })
  const body = (await readReceiptPage(world.ctx, slug))?.receipt?.body as ReceiptBody
  expect(body.models?.map(({ model, usd: cost }) => [model, cost])).toEqual([
    ['openai/gpt-5-mini', '1.500000000'],
    ['openai/gpt-5-nano', '0.750000000'],
  ])
  expect(body.modelsUsd).toBe('2.250000000')
})

test('a provider that does not answer delays the receipt, with a reason', async () => {
  await using world = await openWorld({ workshops: [workshop()] })
  await claimAndUse(world, [1])
  await endAndSettle(world)
  await travel(world, 48 * hour)
  await requestReceipt(world.ctx, { workshopSlug: slug, actorUserId: 'github:1' })
  await world.faults({ rules: [{ match: 'GET /activity', fault: '500' }] })
  expect(await makeReceipt(world.ctx, slug)).toMatchObject({ kind: 'snooze' })
  expect((await readReceiptPage(world.ctx, slug))?.asked?.missing).toEqual([{ what: 'provider' }])
  await world.clearFaults()
  expect(await makeReceipt(world.ctx, slug)).toEqual({ kind: 'done' })
  expect((await readReceiptPage(world.ctx, slug))?.receipt).not.toBeNull()
})
