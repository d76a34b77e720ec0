import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { readyClaims } from '../../../tests/claims'
import { testKey } from './test-key.server'

const owner = (userId: string) => ({ workshopSlug: 'test-workshop', userId })

async function readyOwner(world: World) {
  const [claim] = await readyClaims(world, 1)
  return { claim: claim!, owner: owner(claim!.userId) }
}

test('a test asks about the key for free; on demand one real request is answered and paid', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({
        allowedModels: ['meta-llama/llama-3.3-70b-instruct:free', 'openai/gpt-5-nano'],
      }),
    ],
  })
  const { owner } = await readyOwner(world)
  expect(await testKey(world.ctx, owner)).toMatchObject({
    result: 'works',
    left: { text: '$2.00' },
  })
  const spentBefore = await world.db.key.findFirstOrThrow()
  expect(spentBefore.usedUsd.toNumber()).toBe(0)
  // The free variant stands first, and is never the one that is tried.
  expect(await testKey(world.ctx, owner, { real: true })).toMatchObject({
    result: 'answers',
    model: 'openai/gpt-5-nano',
  })
  const after = await testKey(world.ctx, owner)
  expect(after?.left?.usd).toBeLessThan(2)
  expect(after?.left?.usd).toBeGreaterThan(1.99)
})

test('a key whose account is out of credit is fine, and its owner is told whom to ask', async () => {
  await using world = await openWorld()
  const { owner } = await readyOwner(world)
  await world.faults({ credits: 0 })
  world.moveClock(60_000)
  expect(await testKey(world.ctx, owner)).toMatchObject({
    result: 'account-out-of-credit',
    left: { text: '$2.00' },
  })
})

test('a provider that answers about keys and fails requests is found out by a real request', async () => {
  await using world = await openWorld()
  const { owner } = await readyOwner(world)
  await world.faults({ inferenceDown: true })
  expect(await testKey(world.ctx, owner)).toMatchObject({ result: 'works' })
  expect(await testKey(world.ctx, owner, { real: true })).toMatchObject({ result: 'requests-fail' })
})

test('where only free variants are allowed, no real request goes out', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({ allowedModels: ['meta-llama/llama-3.3-70b-instruct:free'], keyLimit: usd(1) }),
    ],
  })
  const { owner } = await readyOwner(world)
  expect(await testKey(world.ctx, owner, { real: true })).toMatchObject({
    result: 'no-model',
    model: null,
  })
})
