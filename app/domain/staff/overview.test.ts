/** What staff see first: true figures, and words that name what is wrong. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { readWorkshopPage } from '~/domain/staff/workshop-page.server'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import {
  systemHealth,
  workshopHealth,
  type SystemFacts,
  type WorkshopFacts,
} from '../operations/health'
import { readOverview } from './overview.server'

const slug = 'test-workshop'
const listQuery = { filter: {}, sort: 'newest', cursor: null } as const

async function claimAndMint(world: World, count: number) {
  for (const person of await world.people(count))
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}

test('the overview counts claims, names money committed, spent and left, and sees workers and failed calls', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(100) })] })
  await claimAndMint(world, 3)
  await world.db.$executeRaw`update keymint.workshop_attendance set usage_usd = 0.5`
  const before = await readOverview(world.ctx)
  expect(before.system.health).toMatchObject({
    verdict: 'act',
    line: 'No worker has ever been seen: keys are not made. Start `npm run worker`.',
  })
  await world.db.$executeRaw`insert into keymint.workers (id, slots) values ('w', 8)`
  const { system, workshops } = await readOverview(world.ctx)
  expect(system).toMatchObject({
    workers: { seen: 1, slots: 8 },
    calls: { total: 3, failed: 0 },
    counts: { total: 3, ready: 3, unbound: 3, active: 3 },
    spent: { text: '$1.50' },
  })
  expect(workshops).toHaveLength(1)
  expect(workshops[0]).toMatchObject({
    slug,
    window: 'open',
    pool: {
      committed: { text: '$6.00' },
      spent: { text: '$1.50' },
      left: { text: '$94.00' },
      limit: { text: '$100.00' },
    },
    health: { line: '3 claims: 3 ready, 3 unbound.' },
  })
  expect(system.credits.worstCase?.text).toBe('$98.50')
})

test('a workshop whose file is gone or broken is still there, with the mistake in words', async () => {
  await using world = await openWorld()
  await claimAndMint(world, 1)
  world.ctx.workshops.workshops.delete(slug)
  world.ctx.workshops.broken.add('half')
  world.ctx.workshops.problems.push({
    file: 'workshops/half.yaml',
    line: 3,
    field: 'limit_usd',
    message: 'is not an amount',
    remedy: 'write 2',
  })
  const { workshops, fileProblems } = await readOverview(world.ctx)
  expect(workshops.find((line) => line.slug === slug)).toMatchObject({
    window: null,
    counts: { total: 1 },
  })
  expect(workshops.find((line) => line.slug === 'half')?.problems).toEqual([
    'workshops/half.yaml:3 limit_usd: is not an amount  → write 2',
  ])
  expect(fileProblems).toHaveLength(1)
  expect(await readWorkshopPage(world.ctx, 'nowhere', listQuery)).toBeNull()
})

test('unbound keys are grouped by their reason, and the oldest wait is seen', async () => {
  await using world = await openWorld()
  await claimAndMint(world, 3)
  await world.db.$executeRaw`
      update keymint.workshop_attendance set bind_error = 'The provider answered 500.'
        where claim_id in (select claim_id from keymint.workshop_attendance limit 2)`
  const [late] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: late!, optIn: false })
  await world.db
    .$executeRaw`update keymint.mints set queued_at = now() - interval '2 min' where state = 'pending'`
  const page = await readWorkshopPage(world.ctx, slug, listQuery)
  expect(page?.unboundReasons).toEqual([
    { reason: 'The provider answered 500.', count: 2, setAside: 0 },
    { reason: 'Not tried yet.', count: 1, setAside: 0 },
  ])
  expect(page?.line.oldestWaitSeconds).toBeGreaterThan(100)
  expect(page?.line.health.verdict).toBe('act')
  expect((await readOverview(world.ctx)).system.oldestWaitSeconds).toBeGreaterThan(100)
})

const quiet: SystemFacts = {
  workersSeen: 1,
  workerSeenSecondsAgo: 2,
  provisioningEnabled: true,
  pausedReason: null,
  cooling: null,
  oldestWaitSeconds: null,
  waiting: 0,
  calls: { total: 0, failed: 0, minutes: 10 },
  creditsLeft: usd(500),
  worstCase: usd(300),
  openWorkshops: 1,
  brokenFiles: 0,
}

test('the system is judged by its worst fact, in words', () => {
  expect(systemHealth(quiet)).toEqual({ verdict: 'well', line: 'Everything works.', reasons: [] })
  const judged = (change: Partial<SystemFacts>) => systemHealth({ ...quiet, ...change })
  expect(judged({ calls: { total: 20, failed: 1, minutes: 10 } }).verdict).toBe('well')
  expect(judged({ calls: { total: 20, failed: 2, minutes: 10 } }).verdict).toBe('watch')
  expect(judged({ calls: { total: 20, failed: 8, minutes: 10 } })).toMatchObject({
    verdict: 'act',
    line: '8 of 20 calls that make keys failed in the last 10 minutes.',
  })
  expect(judged({ creditsLeft: usd(100) }).line).toBe(
    '$100.00 of credits are left at the provider, and the open workshops may still cost $300.00. Add credits before the doors open.',
  )
  expect(judged({ creditsLeft: null }).verdict).toBe('well')
  expect(
    judged({ pausedReason: 'Coffee first.', workersSeen: 0, workerSeenSecondsAgo: 300 }),
  ).toMatchObject({
    verdict: 'act',
    line: 'No worker was seen for 5 min: keys are not made. Look at the worker processes.',
  })
  expect(judged({ provisioningEnabled: false, openWorkshops: 0 }).verdict).toBe('watch')
})

const room: WorkshopFacts = {
  broken: false,
  fileGone: false,
  window: 'open',
  total: 10,
  pending: 0,
  ready: 10,
  refused: 0,
  unbound: 0,
  setAside: 0,
  bindError: null,
  disabled: 0,
  missing: 0,
  overLimit: 0,
  overrun: 0n,
  committed: usd(20),
  poolLimit: usd(100),
  seatsLeft: null,
  oldestWaitSeconds: null,
}

test('a workshop is judged by its worst fact, in words', () => {
  const judged = (change: Partial<WorkshopFacts>) => workshopHealth({ ...room, ...change })
  expect(judged({})).toEqual({ verdict: 'well', line: '10 claims: 10 ready.', reasons: [] })
  expect(judged({ unbound: 3, bindError: 'Upstream said no' }).reasons).toEqual([
    { verdict: 'watch', words: '3 keys have no model limits yet: Upstream said no.' },
  ])
  expect(judged({ unbound: 3, setAside: 3 }).verdict).toBe('act')
  expect(judged({ committed: usd(80) }).verdict).toBe('watch')
  expect(judged({ committed: usd(101) }).verdict).toBe('act')
  expect(judged({ missing: 1 }).verdict).toBe('act')
  expect(judged({ total: 0, ready: 0, window: 'upcoming' }).line).toBe(
    'The doors are not open yet.',
  )
})
