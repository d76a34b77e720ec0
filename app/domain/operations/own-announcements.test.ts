/** Keymint's own announcements: they come with their cause, stay with it, and go a minute after it. */
import { expect, test } from 'vitest'
import { readyClaims, spend } from '../../../tests/claims'
import { readAll } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import { deploymentAccount } from '../keys/accounts.server'
import { forgetAnnouncements, readAllAnnouncements } from '../workshop/announcements.server'
import type { Finding } from './judgement'
import { causesOf, keepOwnAnnouncements } from './own-announcements.server'

async function shown(world: World) {
  forgetAnnouncements(world.ctx)
  const all = await readAllAnnouncements(world.ctx)
  return [...all].flatMap(([slug, rows]) => rows.map(({ cause }) => `${slug} ${cause}`)).sort()
}

const park = (world: World) => world.db.$executeRaw`
  update keymint.accounts set parked_at = keymint.now(), parked_reason = 'unauthorized'
  where id = ${deploymentAccount}::uuid`

test('a cause is posted where the file asks for it, once, and taken down a minute after its end', async () => {
  await using world = await openWorld({
    workshops: [
      makeWorkshop({ announceProblems: true }),
      makeWorkshop({ slug: 'quiet' }),
      makeWorkshop({
        slug: 'past',
        announceProblems: true,
        claimsOpenAt: new Date(0),
        claimsCloseAt: new Date(1),
      }),
    ],
  })
  expect(await keepOwnAnnouncements(world.ctx)).toBe(0)
  await park(world)
  await Promise.all([keepOwnAnnouncements(world.ctx), keepOwnAnnouncements(world.ctx)])
  expect(await shown(world)).toEqual(['test-workshop provider'])
  await world.travel(50_000)
  expect(await keepOwnAnnouncements(world.ctx)).toBe(0)
  await world.db.$executeRaw`update keymint.accounts set parked_at = null, parked_reason = null`
  await world.travel(30_000)
  await keepOwnAnnouncements(world.ctx)
  expect(await shown(world)).toEqual(['test-workshop provider'])
  await world.travel(31_000)
  expect(await keepOwnAnnouncements(world.ctx)).toBe(1)
  expect(await shown(world)).toEqual([])
  const events = await world.db.auditEvent.findMany({
    where: { action: { startsWith: 'announcement.' } },
    orderBy: { id: 'asc' },
  })
  expect(events.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    'worker announcement.posted',
    'worker announcement.taken-down',
  ])
})

test('80 % of the pool spent is announced, and a file that is gone takes its line with it', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ announceProblems: true, poolLimit: usd(4) })],
  })
  const claims = await readyClaims(world, 2)
  await spend(world, claims[0]!.hash, 2)
  await spend(world, claims[1]!.hash, 1)
  await readAll(world)
  await keepOwnAnnouncements(world.ctx)
  expect((await shown(world)).filter((line) => line.endsWith('pool'))).toEqual([])
  await spend(world, claims[1]!.hash, 0.5)
  await world.travel(61_000)
  await readAll(world)
  await keepOwnAnnouncements(world.ctx)
  expect(await world.db.announcement.count({ where: { cause: 'pool' } })).toBe(1)
  world.ctx.workshops.workshops.clear()
  await world.travel(61_000)
  await keepOwnAnnouncements(world.ctx)
  expect(await shown(world)).toEqual([])
})

const finding = (code: string, severity: 'error' | 'warning') => ({ code, severity }) as Finding
const counters = { pending: 0, ready: 1, spent: 0n }

test.each<[string, Finding[], string[]]>([
  ['a parked account', [finding('account-parked', 'error')], ['provider']],
  ['half of all calls', [finding('calls-failing', 'error')], ['provider']],
  ['a tenth of all calls', [finding('calls-failing', 'warning')], []],
  ['a pause that nobody waits in', [finding('cooling-down', 'warning')], []],
  ['a pause that people wait in', [finding('cooling-down', 'error')], ['provider']],
  ['credits', [finding('credits-low', 'warning')], ['credits']],
  ['a worker that is gone', [finding('no-worker', 'error')], []],
])('what attendees are told of: %s', (_what, system, causes) => {
  expect(causesOf({ poolLimit: usd(4) }, { window: 'closed', counters }, system)).toEqual(causes)
  const over = { ...counters, ready: 0 }
  expect(causesOf({ poolLimit: usd(4) }, { window: 'closed', counters: over }, system)).toEqual([])
})
