/** Readiness of workers and of the day: one that reports is not yet one that works. */
import { expect, test } from 'vitest'
import { examine, readyWorld } from '../../../tests/readiness'
import { claimFor } from '../../../tests/situations/steps'
import { makeWorkshop } from '../../../tests/world'
import { testedDeployment } from './readiness.server'

test('a worker that reports and takes no job while jobs wait is named', async () => {
  await using world = await readyWorld()
  await claimFor(world, 1)
  const { severities: fresh } = await examine(testedDeployment(world.ctx))
  expect(fresh.worker).toBe('ok')
  await world.db.$executeRaw`update keymint.workers set started_at = now() - interval '1 h'`
  await world.db.$executeRaw`
    update pgboss.job set start_after = now() - interval '40 s' where name = 'mint-key'`
  const { found } = await examine(testedDeployment(world.ctx))
  expect(found('worker').sentence).toContain(
    '1 worker reports and has taken no job for ten minutes, while jobs wait.',
  )
  await world.db.$executeRaw`
    insert into keymint.job_runs (job_id, job_name, run, worker_id, started_at, ended_at, outcome)
    select gen_random_uuid(), 'sweep', 1, 'one', now(), now(), 'done'`
  const { found: busy } = await examine(testedDeployment(world.ctx))
  expect(busy('worker').sentence).not.toContain('has taken no job')
})

test('workshops that are over, or open in a later year, are named as such', async () => {
  await using world = await readyWorld()
  const day = 86_400_000
  const over = { claimsOpenAt: new Date(0), claimsCloseAt: new Date(Date.now() - day) }
  const far = {
    claimsOpenAt: new Date(Date.now() + 400.5 * day),
    claimsCloseAt: new Date(Date.now() + 401 * day),
    keyExpiresAt: new Date(Date.now() + 402 * day),
  }
  for (const workshop of [
    makeWorkshop({ slug: 'last-year', ...over }),
    makeWorkshop({ slug: 'next-year', ...far }),
  ])
    world.ctx.workshops.workshops.set(workshop.slug, workshop)
  expect((await examine(testedDeployment(world.ctx))).found('switch').sentence).toBe(
    'Key creation is on. Open now or within a week: test-workshop. Later: next-year in 400 days. Over: last-year.',
  )
})
