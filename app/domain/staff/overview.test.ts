/** What staff see first: true numbers, and a message that names what is wrong. */
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
import { healthText, systemLine, workshopLine } from '~/messages/health'
import { readOverview } from './overview.server'

const slug = 'test-workshop'
const listQuery = { filter: {}, sort: 'newest', cursor: null } as const

async function claimAndMint(world: World, count: number) {
  for (const person of await world.people(count))
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}

test('the overview has claims, money committed, spent and left, workers and failed calls', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop({ poolLimit: usd(100) })] })
  await claimAndMint(world, 3)
  await world.db.$executeRaw`update keymint.keys set used_usd = 0.5`
  const before = await readOverview(world.ctx)
  expect(before.system.health.severity).toBe('error')
  expect(systemLine(before.system.health)).toBe(
    'No worker has ever reported, so no keys are created. Start one with `npm run worker`.',
  )
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
  })
  expect(workshopLine(workshops[0]!)).toBe('3 claims: 3 ready, 3 unbound.')
  expect(system.credits.worstCase?.text).toBe('$98.50')
})

test('a workshop whose file is gone or broken is still listed, with the error', async () => {
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
      update keymint.keys set bind_error = 'The provider answered 500.'
        where id in (select id from keymint.keys limit 2)`
  const [late] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: late!, optIn: false })
  await world.db
    .$executeRaw`update keymint.mints set queued_at = now() - interval '2 min' where state = 'pending'`
  const page = await readWorkshopPage(world.ctx, slug, listQuery)
  expect(page?.unboundReasons).toEqual([
    { reason: 'The provider answered 500.', count: 2, setAside: 0 },
    { reason: null, count: 1, setAside: 0 },
  ])
  expect(page?.line.oldestWaitSeconds).toBeGreaterThan(100)
  expect(page?.line.health.severity).toBe('error')
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
  creditsAhead: { promised: usd(120), claimable: usd(180) },
  unbounded: false,
  openWorkshops: 1,
  brokenFiles: 0,
}

test('the system is judged by its worst fact, with a message', () => {
  expect(systemHealth(quiet)).toEqual({ severity: 'ok', reasons: [] })
  expect(systemLine(systemHealth(quiet))).toBe('Everything works.')
  const judged = (change: Partial<SystemFacts>) => systemHealth({ ...quiet, ...change })
  expect(judged({ calls: { total: 20, failed: 1, minutes: 10 } }).severity).toBe('ok')
  expect(judged({ calls: { total: 20, failed: 2, minutes: 10 } }).severity).toBe('warning')
  const failing = judged({ calls: { total: 20, failed: 8, minutes: 10 } })
  expect([failing.severity, systemLine(failing)]).toEqual([
    'error',
    '8 of 20 calls that create keys failed in the last 10 minutes.',
  ])
  const low = judged({ creditsLeft: usd(100) })
  expect([low.severity, systemLine(low)]).toEqual([
    'error',
    'The account has $100.00 left; keys given out may spend $120.00 more. Add credit at the provider.',
  ])
  expect(judged({ creditsLeft: usd(200) }).severity).toBe('warning')
  expect(judged({ creditsLeft: null }).severity).toBe('ok')
  expect(judged({ unbounded: true }).severity).toBe('warning')
  const quietWorker = judged({
    pausedReason: 'Coffee first.',
    workersSeen: 0,
    workerSeenSecondsAgo: 300,
  })
  expect([quietWorker.severity, systemLine(quietWorker)]).toEqual([
    'error',
    'No worker has reported for 5 min, so no keys are created. Check the worker processes.',
  ])
  expect(judged({ provisioningEnabled: false, openWorkshops: 0 }).severity).toBe('warning')
})

const facts: WorkshopFacts = {
  broken: false,
  fileGone: false,
  window: 'open',
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

test('a workshop is judged by its worst fact, with a message', () => {
  const judged = (change: Partial<WorkshopFacts>) => workshopHealth({ ...facts, ...change })
  expect(judged({})).toEqual({ severity: 'ok', reasons: [] })
  const unbound = judged({ unbound: 3, bindError: 'Upstream said no' })
  expect(unbound.severity).toBe('warning')
  expect(unbound.reasons.map(healthText)).toEqual([
    '3 keys have no guardrail yet: Upstream said no. Retrying automatically.',
  ])
  expect(judged({ unbound: 3, setAside: 3 }).severity).toBe('error')
  expect(judged({ committed: usd(80) }).severity).toBe('warning')
  expect(judged({ committed: usd(101) }).severity).toBe('error')
  expect(judged({ missing: 1 }).severity).toBe('error')
  const counts = { total: 10, ready: 10, pending: 0, refused: 0, unbound: 0 }
  expect(workshopLine({ window: 'open', counts })).toBe('10 claims: 10 ready.')
  expect(workshopLine({ window: 'upcoming', counts: { ...counts, total: 0, ready: 0 } })).toBe(
    'Claims are not open yet.',
  )
})
