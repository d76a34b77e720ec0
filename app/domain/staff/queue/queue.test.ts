/** The queue as staff see and repair it: a real Postgres, the stand-in, and a worker. */
import { expect, test } from 'vitest'
import { claimKey } from '../../claim/claim.server'
import { findClaimView } from '../../claim/claim-view.server'
import { findWorkshopView } from '../../workshop/view.server'
import { pauseMinting, resumeMinting } from '../../keys/pause.server'
import { readBulk } from '../../bulk/bulk.server'
import { makeWorkshop, openWorld, type World } from '../../../../tests/world'
import { cancelJob, redriveJob, retryJob } from './actions.server'
import { actOnJobs } from './bulk-jobs.server'
import { matchingJobIds } from './list.server'
import { readJobPage, readQueuePage, readQueueThroughput } from './queue-page.server'
import { pruneHistory, recordRuns, type JobRun } from '../../operations/job-history.server'

const workshopSlug = 'test-workshop'
const actorUserId = 'github:1'

async function claimFor(world: World, count: number, slug = workshopSlug) {
  const people = await world.people(count)
  for (const person of people)
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
  return people
}

const states = (world: World) =>
  world.db.workshopAttendance
    .groupBy({ by: ['state'], _count: true })
    .then((rows) => Object.fromEntries(rows.map((row) => [row.state, row._count])))
const bound = (world: World) =>
  world.db.workshopAttendance.count({ where: { guardrailAttachedAt: { not: null } } })
const soon = { timeout: 30_000, interval: 100 }
const onlyJob = async (world: World, name: string) => {
  const [job] = await world.db.$queryRaw<
    { id: string }[]
  >`select id from pgboss.job where name = ${name} order by created_on desc limit 1`
  return job?.id ?? ''
}

test('binds that fail stand under one error with a count, a sample and their people, and one action retries them all', async () => {
  await using world = await openWorld()
  await world.faults({ bindFails: true })
  await claimFor(world, 12)
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 12 })
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'retrying', job: 'bind-guardrail' })).list.rows
          .length,
      soon,
    )
    .toBe(12)
  const page = await readQueuePage(world.ctx, { tab: 'unfinished' })
  const [group] = page.errors
  expect(page.errors).toHaveLength(1)
  expect(group).toMatchObject({
    title: 'The provider had an error of its own (500).',
    jobNames: ['bind-guardrail'],
    jobsNow: { count: 12, more: false },
  })
  expect(group!.count).toBeGreaterThanOrEqual(12)
  const filter = { tab: 'unfinished', error: group!.fingerprint } as const
  const hit = await readQueuePage(world.ctx, filter)
  expect(hit.list.rows).toHaveLength(12)
  expect(
    hit.list.rows.every(
      (row) =>
        row.claim?.workshop === workshopSlug && row.reason?.includes('(500)') && row.can.retry,
    ),
  ).toBe(true)
  const runs = (await readJobPage(world.ctx, hit.list.rows[0]!.id))!.runs
  expect(runs.at(-1)).toMatchObject({
    run: 1,
    outcome: 'retry',
    httpStatus: 500,
    errorGroup: group!.fingerprint,
  })
  expect(runs[0]?.workerId).toMatch(/^[0-9a-f-]{36}$/)

  await world.clearFaults()
  const started = await actOnJobs(world.ctx, {
    action: 'retry-job',
    selection: { filter },
    reason: null,
    actorUserId,
  })
  expect(started).toMatchObject({ kind: 'started', count: 12 })
  await expect.poll(() => bound(world), soon).toBe(12)
  if (started.kind !== 'started') return
  await expect
    .poll(async () => (await readBulk(world.ctx, started.bulkId))?.state, soon)
    .toBe('done')
  const event = await world.db.auditEvent.findFirstOrThrow({ where: { action: 'bulk.started' } })
  expect(event).toMatchObject({
    actor: `user:${actorUserId}`,
    details: {
      kind: 'retry-job',
      selection: { filter: { tab: 'unfinished', error: group!.fingerprint } },
    },
  })
  await expect
    .poll(async () => (await readQueuePage(world.ctx, filter)).list.rows.length, soon)
    .toBe(0)
})

test('an outage is one error for those it hit and those that wait because of it, and everything drains by itself', async () => {
  await using world = await openWorld()
  await world.faults({ rules: [{ match: '*', fault: '503' }] })
  const people = await claimFor(world, 25)
  await world.startWorkerHere()
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'retrying', job: 'mint-key' })).list.rows.filter(
          (row) => row.errorGroup !== null,
        ).length,
      soon,
    )
    .toBe(25)
  const { errors, health } = await readQueuePage(world.ctx, { tab: 'unfinished' })
  expect(
    errors
      .filter((group) => group.jobNames.includes('mint-key'))
      .map((group) => [group.title, group.jobsNow.count]),
  ).toEqual([['The provider could not be reached.', 25]])
  expect(health.gate.kind).toBe('cooling-down')
  expect(health.tone).toBe('brick')
  expect(health.recent.errors).toBeGreaterThan(0)
  const view = await findClaimView(world.ctx, { workshopSlug, userId: people[3]!.userId })
  expect(view?.waiting?.delay?.reason).toMatch(/upstream-trouble|unreachable/)
  await world.clearFaults()
  await expect.poll(() => states(world), { timeout: 60_000, interval: 200 }).toEqual({ ready: 25 })
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'unfinished', job: 'mint-key' })).list.rows.length,
      soon,
    )
    .toBe(0)
}, 120_000)

test('a pause holds all mints with its reason and since when, and resuming starts them at once and not all in one instant', async () => {
  await using world = await openWorld()
  const people = await claimFor(world, 60)
  expect(await pauseMinting(world.ctx, { actorUserId, reason: 'Lunch is served.' })).toBe('paused')
  await world.startWorkerHere()
  const waiting = () => world.db.mint.count({ where: { state: 'pending', delayReason: 'paused' } })
  await expect.poll(waiting, soon).toBe(60)
  const { health, errors } = await readQueuePage(world.ctx, { tab: 'unfinished' })
  expect(health.gate).toMatchObject({ kind: 'paused', reason: 'Lunch is served.', by: actorUserId })
  expect(errors).toEqual([])
  const view = await findClaimView(world.ctx, { workshopSlug, userId: people[0]!.userId })
  expect(view?.waiting?.delay).toMatchObject({ reason: 'paused', detail: 'Lunch is served.' })
  expect(Date.parse(view?.waiting?.delay?.since ?? '')).toBeGreaterThan(Date.now() - 60_000)
  expect(await findWorkshopView(world.ctx, workshopSlug)).toMatchObject({
    paused: { reason: 'Lunch is served.', since: view?.waiting?.delay?.since },
  })

  const resumedAt = await world.db.$queryRaw<{ now: Date }[]>`select clock_timestamp() as now`
  expect(await resumeMinting(world.ctx, { actorUserId })).toBeGreaterThan(0)
  // Without being brought forward, the pause's own wait of 15 s would hold them.
  const [spread] = await world.db.$queryRaw<{ seconds: number }[]>`
    select coalesce(extract(epoch from max(start_after) - ${resumedAt[0]!.now}), 0)::float8 as seconds
      from pgboss.job where name = 'mint-key' and state in ('created', 'retry')`
  expect(spread!.seconds).toBeLessThan(4)
  await expect.poll(() => states(world), soon).toEqual({ ready: 60 })
  expect(await resumeMinting(world.ctx, { actorUserId })).toBeNull()
  expect(
    (
      await world.db.auditEvent.findMany({ where: { subject: 'minting' }, orderBy: { id: 'asc' } })
    ).map((event) => event.action),
  ).toEqual(['minting.paused', 'minting.resumed'])
})

test('cancelling the job of a mint refuses its claim with the reason and gives money and seat back', async () => {
  await using world = await openWorld()
  const [person] = await claimFor(world, 2)
  const page = await readQueuePage(world.ctx, { tab: 'waiting', text: person!.displayName })
  const job = page.list.rows.find((row) => row.claim?.userId === person!.userId)!
  expect((await world.db.pool.findFirstOrThrow()).seats).toBe(2)
  expect(
    await cancelJob(world.ctx, { jobId: job.id, actorUserId, reason: 'You have left the room.' }),
  ).toMatchObject({ kind: 'done' })
  expect(await cancelJob(world.ctx, { jobId: job.id, actorUserId, reason: 'again' })).toMatchObject(
    { kind: 'nothing' },
  )
  const view = await findClaimView(world.ctx, { workshopSlug, userId: person!.userId })
  expect(view).toMatchObject({
    state: 'refused',
    refusal: { reason: 'cancelled', detail: 'You have left the room.' },
  })
  const pool = await world.db.pool.findFirstOrThrow()
  expect([pool.seats, Number(pool.committedUsd)]).toEqual([1, 2])
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 1, refused: 1 })
  expect(await world.liveKeys()).toHaveLength(1)
  const [row] = (await readQueuePage(world.ctx, { tab: 'cancelled' })).list.rows
  expect(row).toMatchObject({ id: job.id, can: { retry: true } })
  expect(await retryJob(world.ctx, { jobId: job.id, actorUserId })).toMatchObject({ kind: 'done' })
  await expect.poll(() => states(world), soon).toEqual({ ready: 2 })
})

test('a key that is under way when its mint is cancelled is not given out, and is deleted upstream', async () => {
  await using world = await openWorld()
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'late', delayMs: 1_500 }] })
  const [person] = await claimFor(world, 1)
  await world.startWorkerHere()
  await expect.poll(async () => (await world.liveKeys()).length, soon).toBe(1)
  expect(
    await cancelJob(world.ctx, {
      jobId: await onlyJob(world, 'mint-key'),
      actorUserId,
      reason: 'Too late.',
    }),
  ).toMatchObject({ kind: 'done' })
  await expect.poll(async () => (await world.liveKeys()).length, soon).toBe(0)
  expect(await findClaimView(world.ctx, { workshopSlug, userId: person!.userId })).toMatchObject({
    state: 'refused',
    refusal: { reason: 'cancelled' },
  })
})

test('a mint that the provider refuses for good stands among the failed, and a retry mints for its claim again', async () => {
  await using world = await openWorld()
  await world.faults({
    rules: [
      { match: 'POST /keys', fault: 'refuse', status: 400, message: 'No such model.', times: 1 },
    ],
  })
  await claimFor(world, 1)
  await world.startWorkerHere()
  await expect
    .poll(async () => (await readQueuePage(world.ctx, { tab: 'failed' })).list.rows.length, soon)
    .toBe(1)
  const page = await readQueuePage(world.ctx, { tab: 'failed' })
  expect(page.counts.failed).toEqual({ count: 1, more: false })
  expect(page.list.rows[0]).toMatchObject({
    name: 'mint-key',
    reason: 'The provider refused the request (400): No such model.',
    can: { retry: true, cancel: false },
  })
  expect(await retryJob(world.ctx, { jobId: page.list.rows[0]!.id, actorUserId })).toMatchObject({
    kind: 'done',
  })
  await expect.poll(() => states(world), soon).toEqual({ ready: 1 })
})

test('a cancelled bind stays unbound until somebody asks, and the sweep leaves it alone', async () => {
  await using world = await openWorld()
  await world.faults({ bindFails: true })
  await claimFor(world, 1)
  await world.startWorkerHere()
  await expect
    .poll(
      async () =>
        (await readQueuePage(world.ctx, { tab: 'retrying', job: 'bind-guardrail' })).list.rows
          .length,
      soon,
    )
    .toBe(1)
  const jobId = await onlyJob(world, 'bind-guardrail')
  expect(
    await cancelJob(world.ctx, { jobId, actorUserId, reason: 'Looked into by hand.' }),
  ).toMatchObject({ kind: 'done' })
  await world.clearFaults()
  expect(await world.db.workshopAttendance.findFirst()).toMatchObject({
    bindSetAside: true,
    bindError: 'Set aside by staff: Looked into by hand.',
  })
  expect(await retryJob(world.ctx, { jobId, actorUserId })).toMatchObject({ kind: 'done' })
  await expect.poll(() => bound(world), soon).toBe(1)
})

test('a job that cannot be read goes to the dead letters and takes no other with it; a dead letter of a pending mint goes back to work', async () => {
  await using world = await openWorld()
  await world.db.$executeRaw`
      insert into pgboss.job (name, data, policy, dead_letter, retry_limit, singleton_key)
        values ('mint-key', '{"mintId": "nonsense"}', 'exclusive', 'mint-key-dead', 100000, 'x')`
  await claimFor(world, 3)
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 3 })
  const dead = () => readQueuePage(world.ctx, { tab: 'dead' })
  await expect.poll(async () => (await dead()).list.rows.length, soon).toBe(1)
  expect((await dead()).counts.dead.count).toBe(1)
  expect((await dead()).list.rows[0]).toMatchObject({
    name: 'mint-key-dead',
    reason: 'The job holds something that this version cannot read.',
    can: { redrive: true, retry: false },
  })
  expect(
    await redriveJob(world.ctx, { jobId: (await dead()).list.rows[0]!.id, actorUserId }),
  ).toMatchObject({ kind: 'done' })
  // Still unreadable: it comes back instead of being lost.
  await expect.poll(async () => (await dead()).list.rows.length, soon).toBe(1)
})

test('a dead letter whose mint still waits sends it again; one whose mint has ended is put away', async () => {
  await using world = await openWorld()
  await claimFor(world, 2)
  const [first, second] = await world.db.mint.findMany({ orderBy: { queuedAt: 'asc' } })
  await world.db.$executeRaw`delete from pgboss.job where name = 'mint-key'`
  await world.db
    .$executeRaw`update keymint.mints set state = 'refused' where id = ${second!.id}::uuid`
  const letter = (mintId: string) =>
    world.db.$queryRaw<{ id: string }[]>`
      insert into pgboss.job (name, data, source_name)
        values ('mint-key-dead', ${JSON.stringify({ mintId })}::jsonb, 'mint-key') returning id`.then(
      (rows) => rows[0]!.id,
    )
  const [one, two] = [await letter(first!.id), await letter(second!.id)]
  expect(await redriveJob(world.ctx, { jobId: two, actorUserId })).toMatchObject({
    kind: 'nothing',
  })
  const started = await actOnJobs(world.ctx, {
    action: 'redrive-job',
    selection: { jobIds: [one] },
    reason: null,
    actorUserId,
  })
  expect(started.kind).toBe('started')
  await world.startWorkerHere()
  await expect.poll(() => world.db.mint.count({ where: { state: 'done' } }), soon).toBe(1)
  await expect
    .poll(async () => (await readQueuePage(world.ctx, { tab: 'dead' })).counts.dead.count, soon)
    .toBe(0)
})

/** Jobs of finished and waiting mints, all of one instant: the hardest case for paging. */
async function seedJobs(world: World, count: number, state: string) {
  await world.db.$executeRaw`
    insert into pgboss.job (name, data, state, policy, singleton_key, created_on, started_on, retry_count)
    select 'mint-key', jsonb_build_object('mintId', id), ${state}::pgboss.job_state, 'exclusive', id::text,
      '2026-01-02T03:04:05.678901Z'::timestamptz + (n / 3) * interval '1 microsecond', now(), n
    from (select gen_random_uuid() as id, n from generate_series(0, ${count}::int - 1) n) s`
}

test('pages follow each other without a gap or a repetition, down to the microsecond', async () => {
  await using world = await openWorld()
  await seedJobs(world, 173, 'completed')
  const seen: string[] = []
  let after: string | undefined
  for (let pages = 0; pages < 10; pages++) {
    const { list } = await readQueuePage(world.ctx, { tab: 'done', ...(after ? { after } : {}) })
    seen.push(...list.rows.map((row) => row.id))
    if (list.next === null) break
    after = list.next
  }
  expect([seen.length, new Set(seen).size]).toEqual([173, 173])
})

test('counts stop at a thousand; a filter without an index looks through the newest few hundred, says so, and goes on from there', async () => {
  await using world = await openWorld()
  await seedJobs(world, 2_300, 'completed')
  const page = await readQueuePage(world.ctx, { tab: 'done' })
  expect(page.counts.done).toEqual({ count: 1_000, more: true })
  // Only the oldest jobs of the seed have run so few times that none of the newest matches.
  const few = await readQueuePage(world.ctx, { tab: 'done', runs: 2_301 })
  expect(few.list).toMatchObject({ rows: [], lookedThrough: 300 })
  const found: number[] = []
  let after: string | undefined
  for (let pages = 0; pages < 60; pages++) {
    const { list } = await readQueuePage(world.ctx, {
      tab: 'done',
      runs: 1_001,
      ...(after ? { after } : {}),
    })
    found.push(...list.rows.map((row) => row.runs))
    if (list.next === null) break
    after = list.next
  }
  expect(found).toHaveLength(1_300)
  expect(new Set(found).size).toBe(1_300)
  expect(await matchingJobIds(world.ctx, { tab: 'done' }, 1_000)).toHaveLength(1_000)
})

test('jobs are found by workshop, by person, and by the beginning of a job, mint or claim', async () => {
  const other = makeWorkshop({ slug: 'other-workshop' })
  await using world = await openWorld({ workshops: [makeWorkshop(), other] })
  await claimFor(world, 3)
  const [person] = await claimFor(world, 1, other.slug)
  await world.db.attendee.update({
    where: { userId: person!.userId },
    data: { displayName: 'Zoë 100% Lovelace' },
  })
  const ids = async (filter: object) =>
    (await readQueuePage(world.ctx, { tab: 'unfinished', ...filter })).list.rows.map(
      (row) => row.id,
    )
  const [job] = await ids({ workshop: other.slug })
  expect(await ids({ workshop: other.slug })).toHaveLength(1)
  expect(await ids({ job: 'mint-key' })).toHaveLength(4)
  const mint = await world.db.mint.findFirstOrThrow({ where: { scope: other.slug } })
  const claim = await world.db.workshopAttendance.findFirstOrThrow({
    where: { workshopSlug: other.slug },
  })
  for (const text of [
    'zoë',
    '100% love',
    job!.slice(0, 8),
    mint.id,
    `No. ${claim.claimId.slice(0, 8).toUpperCase()}`,
  ])
    expect(await ids({ text }), text).toEqual([job])
  expect(await ids({ text: '%' })).toEqual([job])
  expect(await ids({ text: 'nobody of this name' })).toEqual([])
  await world.startWorkerHere()
  await expect.poll(() => states(world), soon).toEqual({ ready: 4 })
  expect(
    (await readQueuePage(world.ctx, { tab: 'done', text: 'zoë' })).list.rows.map((row) => row.id),
  ).toContain(job)
  const page = await readJobPage(world.ctx, job!)
  expect(page).toMatchObject({
    job: {
      state: 'done',
      claim: { person: 'Zoë 100% Lovelace' },
      payload: [['mintId', mint.id]],
      priorRunsLost: 0,
    },
    calls: [{ state: 'saved' }],
  })
  await expect
    .poll(async () => (await readJobPage(world.ctx, job!))?.runs.map((run) => run.outcome), soon)
    .toEqual(['done'])
  expect(await readJobPage(world.ctx, claim.claimId)).toBeNull()
  expect(await readJobPage(world.ctx, 'nonsense')).toBeNull()
})

test('a retry runs now what would have waited, and a bulk retry spreads a crowd over time', async () => {
  await using world = await openWorld()
  await claimFor(world, 45)
  await world.db
    .$executeRaw`update pgboss.job set start_after = now() + interval '1 hour' where name = 'mint-key'`
  await world.db.$executeRaw`
      update keymint.mints set not_before = now() + interval '1 hour', delay_reason = 'rate-limited'`
  const jobId = await onlyJob(world, 'mint-key')
  expect(await retryJob(world.ctx, { jobId, actorUserId })).toMatchObject({ kind: 'done' })
  const waits = () =>
    world.db.$queryRaw<{ seconds: number }[]>`
      select extract(epoch from start_after - now())::float8 as seconds from pgboss.job where name = 'mint-key'
        order by start_after`
  expect((await waits())[0]!.seconds).toBeLessThanOrEqual(0.5)
  expect((await waits())[1]!.seconds).toBeGreaterThan(3_000)
  expect(
    await world.db.auditEvent.count({ where: { action: 'job.retried', subject: `job:${jobId}` } }),
  ).toBe(1)

  const started = await actOnJobs(world.ctx, {
    action: 'retry-job',
    selection: { filter: { tab: 'unfinished', job: 'mint-key' } },
    reason: null,
    actorUserId,
  })
  if (started.kind !== 'started') throw new Error('it starts')
  const { runBulk } = await import('../../bulk/run-bulk.server')
  const { bulkKinds } = await import('../kinds.server')
  expect(await runBulk(world.ctx, started.bulkId, bulkKinds)).toMatchObject({ kind: 'done' })
  const seconds = (await waits()).map((wait) => Math.ceil(wait.seconds / 5) * 5)
  expect(
    [0, 5, 10].map((step) => seconds.filter((wait) => Math.max(0, wait) === step).length),
  ).toEqual([20, 20, 5])
})

const run = (change: Partial<JobRun>): JobRun => ({
  jobId: crypto.randomUUID(),
  jobName: 'mint-key',
  subject: null,
  run: 1,
  workerId: 'w',
  startedAt: new Date(),
  ranMs: 120,
  waitMs: 8,
  outcome: 'done',
  reason: null,
  error: null,
  nextRunAt: null,
  ...change,
})

test('what workers record at once adds up, is charted, and is forgotten in time', async () => {
  await using world = await openWorld()
  const error = { reason: 'unreachable' }
  await Promise.all(
    Array.from({ length: 12 }, () =>
      recordRuns(world.ctx, [
        run({}),
        run({ outcome: 'snooze', error, reason: 'unreachable' }),
        run({ jobName: 'sweep', outcome: 'retry', error }),
        run({ jobName: 'sweep' }),
      ]),
    ),
  )
  const minutes = await world.db.jobMinute.findMany({ where: { name: 'mint-key' } })
  const sum = (pick: (minute: (typeof minutes)[number]) => number) =>
    minutes.reduce((total, minute) => total + pick(minute), 0)
  expect([
    sum((m) => m.done),
    sum((m) => m.putOff),
    sum((m) => m.failed),
    sum((m) => m.errors),
  ]).toEqual([12, 12, 0, 12])
  expect(sum((m) => m.waitBins.reduce((a, b) => a + b, 0))).toBe(24)
  const [group] = await world.db.errorGroup.findMany()
  expect(group).toMatchObject({ count: 24n, jobNames: ['mint-key', 'sweep'], class: 'unreachable' })
  const hour = await readQueueThroughput(world.ctx, { span: 'hour' })
  expect(hour.total).toMatchObject({ done: 12, failed: 0, snooze: 12 })
  expect(hour.points).toHaveLength(60)
  expect(hour.total.run.p50).toBeGreaterThan(0.1)
  expect(hour.total.run.p95).toBeLessThanOrEqual(0.2)
  const day = await readQueueThroughput(world.ctx, { span: 'day', job: 'sweep' })
  expect([
    day.points.length,
    day.total.failed,
    day.points.reduce((all, point) => all + point.done * 15, 0),
  ]).toEqual([96, 12, 12])

  await recordRuns(world.ctx, [run({ startedAt: new Date(Date.now() - 8 * 86_400_000) })])
  await world.db.errorGroup.updateMany({
    data: { lastSeen: new Date(Date.now() - 31 * 86_400_000) },
  })
  expect(await world.db.jobRun.count()).toBe(49)
  await pruneHistory(world.ctx)
  expect([await world.db.jobRun.count(), await world.db.errorGroup.count()]).toEqual([48, 0])
})

test('the banner names what matters most: no worker, a pause, a wait', async () => {
  await using world = await openWorld()
  await claimFor(world, 1)
  const health = async () => (await readQueuePage(world.ctx, { tab: 'unfinished' })).health
  expect(await health()).toMatchObject({
    tone: 'brick',
    sentence: expect.stringMatching(/^No worker has ever reported\./) as string,
  })
  await world.db
    .$executeRaw`insert into keymint.workers (id, slots, version, region) values ('w', 4, '1.2', 'fra')`
  expect(await health()).toMatchObject({
    tone: 'good',
    workers: [{ version: '1.2', region: 'fra', seen: true }],
  })
  await world.db
    .$executeRaw`update pgboss.job set start_after = now() - interval '3 minutes' where name = 'mint-key'`
  expect(await health()).toMatchObject({
    tone: 'brick',
    sentence: 'A job that may run has waited for 3 min: the workers do not keep up.',
    oldestWaiting: { name: 'mint-key', seconds: expect.any(Number) as number },
  })
  await pauseMinting(world.ctx, { actorUserId, reason: 'Back at two.' })
  expect((await health()).sentence).toBe(`Minting is paused by ${actorUserId}: Back at two.`)
})
