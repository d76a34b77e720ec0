/** The list of jobs: its pages, its counts, its search. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, type World } from '../../../../tests/harness'
import { matchingJobIds } from './list.server'
import { readJobPage, readQueuePage } from './queue-page.server'
import { claimFor, soon, states } from '../../../../tests/queue'

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

test('counts stop at a thousand; a filter without an index searches the newest few hundred at a time', async () => {
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
