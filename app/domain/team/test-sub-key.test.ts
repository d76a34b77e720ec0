/** A key is tested by what its service says of it now, and the page shows the same afterwards. */
import { expect, test } from 'vitest'
import { ProviderError } from '~/adapters/provider-error'
import { made, oneMember, ref, usd, use } from '../../../tests/ledger'
import type { TeamWorld } from '../../../tests/team'
import { readKeyDays } from './key-days.server'
import { deleteSubKey } from './sub-key.server'
import { findSubKey } from './sub-key-view.server'
import { testSubKey } from './test-sub-key.server'

async function withKey(cap = 20) {
  const world = await oneMember(100)
  const keyId = await made(world, { cap })
  const upstream = [...world.service.keys.values()][0]!
  return { world, keyId, upstream, ask: () => testSubKey(world.ctx, at(world, keyId)) }
}
const at = ({ teamId }: TeamWorld, keyId: string) => ({ teamId, keyId })
const fails = (reason: 'unauthorized' | 'unreachable') => () =>
  Promise.reject(
    new ProviderError({ call: 'GET key', kind: 'retryable', reason, providerMessage: 'Not now.' }),
  )

test('a key works with what is left of it, and what was used since is on the page', async () => {
  const { world, keyId, upstream, ask } = await withKey()
  await using _ = world
  expect(await ask()).toMatchObject({ result: 'works', left: { usd: 20 } })
  await world.moveClock(60_000)
  world.service.use([...world.service.keys.keys()][0]!, usd(7.5), 0n)
  expect(await ask()).toMatchObject({ result: 'works', left: { usd: 12.5 } })
  expect((await findSubKey(world.ctx, world.teamId, keyId))?.spent.usd).toBe(7.5)
  expect(upstream.disabled).toBe(false)
  const { days, total } = await readKeyDays(world.ctx, keyId)
  expect([days.length, days.at(-1)?.spent.usd, total.usd]).toEqual([30, 7.5, 7.5])
  expect(days.at(-1)?.day).toBe(world.ctx.now().toISOString().slice(0, 10))
})

test('one that is spent, disabled there or gone is named as such', async () => {
  const { world, ask, upstream } = await withKey(2)
  await using _ = world
  upstream.disabled = true
  expect(await ask()).toMatchObject({ result: 'disabled' })
  upstream.disabled = false
  world.service.use([...world.service.keys.keys()][0]!, usd(2), 0n)
  expect(await ask()).toMatchObject({ result: 'spent' })
  upstream.deleted = true
  expect(await ask()).toMatchObject({ result: 'missing' })
})

test('a failure of the account is told apart from one of the key', async () => {
  const { world, ask } = await withKey()
  await using _ = world
  Object.assign(world.service, { readBalance: () => Promise.resolve(0n) })
  expect(await ask()).toMatchObject({ result: 'account-out-of-credit' })
  Object.assign(world.service, { readBalance: fails('unreachable') })
  expect(await ask(), 'a balance that cannot be read says nothing').toMatchObject({
    result: 'works',
  })
  Object.assign(world.service, { findKey: fails('unauthorized') })
  expect(await ask()).toMatchObject({ result: 'credential-refused' })
  Object.assign(world.service, { findKey: fails('unreachable') })
  expect(await ask()).toMatchObject({ result: 'no-answer', detail: 'Not now.' })
})

test('a key that has ended, or is of another team, is not asked about', async () => {
  const { world, keyId, ask } = await withKey()
  await using _ = world
  let asked = 0
  const real = world.service.findKey.bind(world.service)
  Object.assign(world.service, {
    findKey: (...args: Parameters<typeof real>) => {
      asked++
      return real(...args)
    },
  })
  const other = { teamId: crypto.randomUUID(), keyId }
  expect(await testSubKey(world.ctx, other)).toMatchObject({ result: 'not-live' })
  await use(world, keyId, 1)
  await deleteSubKey(world.ctx, { ...ref(world), keyId }, 'done')
  asked = 0
  expect(await ask()).toMatchObject({ result: 'not-live' })
  expect(asked).toBe(0)
})
