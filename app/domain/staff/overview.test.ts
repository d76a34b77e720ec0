/** What staff see first: true numbers, and a message that names what is wrong. */
import { expect, test } from 'vitest'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { readWorkshopPage } from '~/domain/staff/workshop-page.server'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import {
  healthOf,
  judgeEngine,
  judgeWorkshop,
  type EngineFacts,
  type WorkshopFacts,
} from '../operations/judgement'
import { findingHeadline, systemLine, workshopLine } from '~/messages/health'
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
    money: { spent: { text: '$1.50' }, maySpend: { text: '$4.50' }, left: { text: '$94.00' } },
  })
  expect(workshops).toHaveLength(1)
  expect(workshops[0]).toMatchObject({
    slug,
    window: 'open',
    money: {
      spent: { text: '$1.50' },
      maySpend: { text: '$4.50' },
      left: { text: '$94.00' },
      whole: { text: '$100.00' },
      keysLeft: 47,
      lastsUntil: null,
    },
  })
  expect(workshopLine(workshops[0]!)).toBe('3 claims: 3 ready, 3 unbound.')
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

const quiet: EngineFacts = {
  workersSeen: 1,
  quietSeconds: 2,
  provisioningEnabled: true,
  parked: null,
  paused: null,
  pausedQueues: [],
  cooling: null,
  runs: { total: 0, failed: 0, minutes: 3 },
  calls: { total: 0, failed: 0, minutes: 3 },
  oldestDueSeconds: null,
  waiting: 0,
  openWorkshops: 1,
  brokenFiles: 0,
  unbounded: [],
  backups: { made: null, error: null },
}

test('the engine is judged by its worst fact, with a message', () => {
  const judged = (change: Partial<EngineFacts>) => healthOf(judgeEngine({ ...quiet, ...change }))
  expect(judged({})).toEqual({ severity: 'ok', reasons: [] })
  expect(systemLine(judged({}))).toBe('Everything works.')
  const calls = (failed: number, total: number) => judged({ calls: { total, failed, minutes: 3 } })
  expect(calls(5, 9).severity, 'too few calls to judge').toBe('ok')
  expect(calls(1, 20).severity).toBe('ok')
  expect(calls(2, 20).severity).toBe('warning')
  expect([calls(12, 20).severity, systemLine(calls(12, 20))]).toEqual([
    'error',
    '12 of 20 calls that create keys failed in the last 3 minutes and are not made good yet. ' +
      'Nothing to do: Keymint continues automatically.',
  ])
  const quietWorker = judged({
    paused: { since: '2026-04-14T08:00:00.000Z', by: null, reason: 'Coffee first.' },
    workersSeen: 0,
    quietSeconds: 300,
  })
  expect([quietWorker.severity, systemLine(quietWorker)]).toEqual([
    'error',
    'No worker has reported for 5 min, so no keys are created. Check the worker processes.',
  ])
  expect(judged({ provisioningEnabled: false, openWorkshops: 0 }).severity).toBe('warning')
  expect(judged({ unbounded: ['open-door'] }).severity).toBe('warning')
})

const facts: WorkshopFacts = {
  broken: false,
  fileGone: false,
  window: 'open',
  total: 10,
  pending: 0,
  ready: 10,
  refused: 0,
  refusedReason: null,
  refusedDetail: null,
  unbound: 0,
  unboundSeconds: null,
  setAside: 0,
  bindError: null,
  disabled: 0,
  missing: 0,
  overLimit: 0,
  overrun: 0n,
  poolPassed: false,
  seats: 10,
  seatsLeft: null,
  oldestWaitSeconds: null,
  keyLately: false,
  delayReason: null,
  turnedAway: [],
}

test('a workshop is judged by its worst fact, with numbers and a cause', () => {
  const judged = (change: Partial<WorkshopFacts>, engine = judgeEngine(quiet)) =>
    judgeWorkshop({ slug, title: 'DuckDB' }, { ...facts, ...change }, engine)
  expect(judged({})).toEqual([])
  expect(judged({ unbound: 3, unboundSeconds: 4 }), 'assigning takes a moment').toEqual([])
  const [unbound] = judged({ unbound: 3, unboundSeconds: 4, bindError: 'Upstream said no' })
  expect([unbound!.severity, findingHeadline(unbound!)]).toEqual([
    'warning',
    'DuckDB: 3 of 10 keys are unbound, so any model is allowed: Upstream said no.',
  ])
  expect(judged({ unbound: 3, setAside: 3 })[0]).toMatchObject({ severity: 'error', help: 'press' })
  expect(judged({ missing: 1 })[0]?.severity).toBe('error')
  const cooling = judgeEngine({
    ...quiet,
    waiting: 50,
    cooling: { reason: 'rate-limited', message: 'Slow down', seconds: 8 },
  })
  const [waiting] = judged({ pending: 50, ready: 60, oldestWaitSeconds: 61 }, cooling)
  expect([waiting!.help, findingHeadline(waiting!)]).toEqual([
    'waits',
    'DuckDB: 60 of 110 have a key. 50 wait, longest 61 s: the provider asked us to slow down.',
  ])
  const counts = { total: 10, ready: 10, pending: 0, refused: 0, unbound: 0 }
  expect(workshopLine({ window: 'open', counts })).toBe('10 claims: 10 ready.')
  expect(workshopLine({ window: 'upcoming', counts: { ...counts, total: 0, ready: 0 } })).toBe(
    'Claims are not open yet.',
  )
})
