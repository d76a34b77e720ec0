/** One person who claims, spends all and gives back again and again, by what the routes themselves do. */
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createAuthSetup } from '~/adapters/identity-providers.server'
import { ClaimAgain } from '~/components/claim/next-and-former-key'
import type { ClaimPageData } from '~/components/claim/claim-page-data'
import { startSession } from '~/domain/people/session.server'
import { action as meAction } from '~/routes/me._index'
import { action as claimAction, loader as claimLoader } from '~/routes/w.$workshop.claim._index'
import { spend } from '../../tests/claims'
import { letSettle, readAll, travel, work } from '../../tests/engine'
import { startStandIns } from '../../tests/identity-stand-ins'
import { makeWorkshop, openWorld, usd } from '../../tests/world'
import { sessionCookie } from './session.server'

const origin = 'http://localhost:3000'
const day = 86_400_000

test('eight rounds in a day spend the daily cap once, and the page says when there is more', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({
        kind: 'giveaway',
        claimsCloseAt: new Date(Date.now() + 3 * day),
        keyExpiresAt: null,
        keyExpiresInMs: 30 * day,
        keyLimit: usd(0.05),
        keyLimitReset: 'daily',
        poolLimit: null,
        maxKeys: 100,
        cooldownMs: 0,
        acknowledgedTerms: true,
      }),
    ],
    maxTotalKeys: 100,
  })
  const standIns = await startStandIns({ appOrigin: origin })
  world.onClose(() => standIns.close())
  const auth = createAuthSetup(standIns.config)
  const [person] = await world.people(1)
  const token = await startSession(world.ctx, {
    userId: person!.userId,
    provider: 'github',
    userAgent: null,
  })
  const cookie = (await sessionCookie(auth).serialize(token)).split(';')[0]!
  const args = (path: string, form?: Record<string, string>) => ({
    request: new Request(origin + path, {
      headers: { Cookie: cookie },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    }),
    params: { workshop: 'test-workshop' },
    context: { ctx: world.ctx, auth, cspNonce: '', requestId: 'r-1', ip: null, pollStretch: 1 },
  })
  const claim = async () =>
    (await claimAction(args('/w/test-workshop/claim', {}))).headers.get('Location')!

  let spent = 0
  for (let round = 0; round < 8; round++) {
    await claim()
    await work(world)
    const row = await world.db.workshopAttendance.findFirstOrThrow()
    if (row.state === 'ready') {
      const { limitRemaining } = (await world.ctx.provider.findKey(row.orKeyHash!))!
      await spend(world, row.orKeyHash!, Number(limitRemaining) / 1e9)
      spent += Number(limitRemaining) / 1e9
      await meAction(args('/me', { intent: 'give-back', claimId: row.claimId }))
      await work(world)
    }
    await travel(world, 20_000)
    await readAll(world)
  }
  expect(spent).toBeGreaterThan(0.049)
  expect(spent).toBeLessThan(0.0501)

  await letSettle(world)
  const refused = await claim()
  expect(refused).toBe('/w/test-workshop/claim?refused=spent')
  const page = (await claimLoader(args(refused))) as ClaimPageData
  const midnight = new Date((Math.floor(world.ctx.now().getTime() / day) + 1) * day + 60_000)
  expect(page).toMatchObject({ refused: 'spent', moreFrom: midnight.toISOString() })
  const shown = renderToStaticMarkup(
    createElement(ClaimAgain, { when: page.claim!.claimAgain!, page, asOf: page.claim!.asOf }),
  )
  expect(shown).toContain('Your budget is used up for now')
  expect(shown).toContain(`Claim again from <time dateTime="${midnight.toISOString()}"`)
  await travel(world, midnight.getTime() - world.ctx.now().getTime())
  expect(await claim()).toBe('/w/test-workshop/claim')
})
