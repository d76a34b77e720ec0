import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'
import { claimKey } from '../claim/claim.server'
import { findWorkshopView, listWorkshopViews } from './view.server'

const day = 86_400_000

test('a coming workshop counts its keys from the day its claims open, not from today', async () => {
  const opens = new Date(Date.now() + 400 * day)
  const coming = makeWorkshop({
    claimsOpenAt: opens,
    claimsCloseAt: new Date(opens.getTime() + day),
    keyLimitReset: 'daily',
    keyLimit: usd(2),
    poolLimit: usd(100),
    keyExpiresAt: null,
    keyExpiresInMs: 1.5 * day,
  })
  await using world = await openWorld({ workshops: [coming] })
  const view = await findWorkshopView(world.ctx, coming.slug)
  expect(view).toMatchObject({ window: 'upcoming', keyExpiryIsRelative: true })
  expect(view && 'seats' in view && view.seats.left).toBeGreaterThanOrEqual(16)
})

test('keys left are what the pool and the seats allow, whichever is fewer, and go down with each claim', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ poolLimit: usd(7), keyLimit: usd(2), maxKeys: 50 })],
  })
  expect((await listWorkshopViews(world.ctx))[0]?.seats).toEqual({ total: 3, left: 3 })
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: 'test-workshop', person: person!, optIn: false })
  expect((await listWorkshopViews(world.ctx))[0]?.seats).toEqual({ total: 3, left: 2 })
})

test('an unlisted workshop is on no list, and its address shows it', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({ slug: 'shown' }),
      makeWorkshop({
        slug: 'hidden',
        listed: false,
        allowedDomains: ['xn--bcher-kva.example', '*.example.org'],
        roster: { logins: new Set(['mona']), hashes: new Set(['r1.00000000.x']) },
        roomCode: 'rotating',
      }),
    ],
  })
  expect((await listWorkshopViews(world.ctx)).map(({ slug }) => slug)).toEqual(['shown'])
  const view = await findWorkshopView(world.ctx, 'hidden')
  expect(view).toMatchObject({
    listed: false,
    entry: { domains: ['bücher.example', '*.example.org'], roster: true, code: true },
  })
  expect(JSON.stringify(view)).not.toMatch(/mona|r1\./)
})
