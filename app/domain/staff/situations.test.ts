/** Every page that judges leads with what the table says, and all with the same judgement. */
import { expect, test } from 'vitest'
import { healthMessage } from '~/components/staff/queue/health-messages'
import { headlineText, ownHeadline } from '~/messages/health'
import { queueView } from '~/web/queue-view.server'
import { situationsOfPeople } from '../../../tests/situations/people'
import { situationsOfTheProvider } from '../../../tests/situations/provider'
import { slug } from '../../../tests/situations/steps'
import { makeWorkshop, openWorld } from '../../../tests/world'
import { readOverview } from './overview.server'
import { readQueuePage } from './queue/queue-page.server'
import { readWorkshopPage } from './workshop-page.server'

const situations = [...situationsOfPeople, ...situationsOfTheProvider]

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
  await situation.build(world)
  const [overview, queue, page] = await Promise.all([
    readOverview(world.ctx),
    readQueuePage(world.ctx, { tab: 'unfinished' }),
    readWorkshopPage(world.ctx, slug, { filter: {}, sort: 'newest', cursor: null }),
  ])
  expect({
    overview: headlineText(overview.headline),
    workshop: page?.worst ? ownHeadline(page.worst) : undefined,
    queue: healthMessage(queueView(queue).health),
  }).toEqual({ workshop: undefined, queue: 'Jobs run without delay.', ...situation.says })
})
