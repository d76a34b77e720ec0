/** Every page that judges leads with what the table says, and all with the same judgement. */
import { expect, test } from 'vitest'
import { healthMessage } from '~/components/staff/queue/health-messages'
import { headlineText, ownHeadline } from '~/messages/health'
import { checkLabel, readinessHeadline, severityLabel } from '~/messages/readiness'
import { queueView } from '~/web/queue-view.server'
import { situationsOfPeople } from '../../../tests/situations/people'
import { situationsOfTheProvider } from '../../../tests/situations/provider'
import { credits, slug } from '../../../tests/situations/steps'
import { makeWorkshop, openWorld } from '../../../tests/world'
import { refreshGauges } from '../operations/gauges.server'
import { readinessSeverity } from '../operations/judgement'
import { allFindings, readJudgement } from '../operations/judgement.server'
import { checkReadiness, testedDeployment } from '../operations/readiness.server'
import { readOverview } from './overview.server'
import { readQueuePage } from './queue/queue-page.server'
import { readWorkshopPage } from './workshop-page.server'

/** The checks of readiness that show the judgement; the others look into something themselves. */
const judgedChecks: ReadonlySet<string> = new Set(['worker', 'switch', 'state', 'credits'])
const findingSample = /^keymint_findings\{code="(.+?)",severity="(.+?)"\} (\d+)$/gm

const situations = [...situationsOfPeople, ...situationsOfTheProvider]

/** A wait by whole tens of seconds: it goes on while the situation is being built. */
const inTens = (text: string) =>
  text.replace(/longest (\d+)\d s/, (_, tens: string) => `longest ${tens}0 s`)

test('the table has thirty situations or more, each with a name of its own', () => {
  expect(situations.length).toBeGreaterThanOrEqual(30)
  expect(new Set(situations.map(({ name }) => name)).size).toBe(situations.length)
})

test.for(situations)('$name', async (situation) => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ title: 'DuckDB', ...situation.workshop })],
    provisioningEnabled: situation.provisioningEnabled ?? true,
  })
  if (situation.workers !== 'none')
    await world.db.$executeRaw`insert into keymint.workers (id, slots) values ('worker', 8)`
  await credits(world, 20_000)
  await situation.build(world)
  const [overview, queue, page] = await Promise.all([
    readOverview(world.ctx),
    readQueuePage(world.ctx, { tab: 'unfinished' }),
    readWorkshopPage(world.ctx, slug, { filter: {}, sort: 'newest', cursor: null }),
  ])
  const [readiness, judgement] = await Promise.all([
    checkReadiness(testedDeployment(world.ctx), { canary: false }),
    readJudgement(world.ctx),
    refreshGauges(world.ctx),
  ])
  const { text } = await world.ctx.metrics.scrape()
  expect({
    overview: inTens(headlineText(overview.headline)),
    workshop: page?.worst ? inTens(ownHeadline(page.worst)) : undefined,
    queue: healthMessage(queueView(queue).health),
    readiness: readiness.checks
      .filter(({ name, severity }) => judgedChecks.has(name) && severity !== 'ok')
      .map(({ name, severity }) => `${checkLabel[name]}: ${severityLabel[severity]}`),
    metrics: [...text.matchAll(findingSample)].map(([, ...of]) => of.join(' ')).sort(),
  }).toEqual({
    queue: 'Jobs run without delay.',
    readiness: [],
    metrics: [],
    ...situation.says,
    overview: inTens(situation.says.overview),
    workshop: situation.says.workshop && inTens(situation.says.workshop),
  })
  // “Ready” is not said while something is an error now.
  const errors = allFindings(judgement).some((one) => readinessSeverity(one) === 'error')
  expect(readinessHeadline({ severity: 'ok', checks: [] }, allFindings(judgement))).toBe(
    errors ? 'Not ready now' : 'Ready',
  )
})
