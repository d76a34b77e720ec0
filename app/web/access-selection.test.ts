/** "All" of a page is what the page showed, and nobody who asked after that. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld } from '../../tests/world'
import { decideRequests } from '~/domain/claim/access.server'
import { readAccessPage } from '~/domain/claim/access-list.server'
import { selectedRequests } from './access-selection'

const workshopSlug = 'test-workshop'

test('letting all in lets those in whom the page showed; who asks later waits', async () => {
  await using world = await openWorld({ workshops: [makeWorkshop()] })
  const ask = async (count: number) => {
    for (const { userId } of await world.people(count))
      await world.db.accessRequest.create({
        data: { workshopSlug, userId, note: 'Please', refusedFor: 'roster' },
      })
  }
  const openIds = async () =>
    (await readAccessPage(world.ctx, workshopSlug)).open.map(({ id }) => id)
  await ask(3)
  const shown = await openIds()
  const fields = new URLSearchParams([['all', 'yes'], ...shown.map((id) => ['shown', id])])
  await ask(2)
  const ids = selectedRequests(fields)!
  expect(ids).toEqual(shown)
  const decided = await decideRequests(world.ctx, {
    workshopSlug,
    ids,
    decision: 'granted',
    from: 'open',
    actorUserId: 'github:staff',
  })
  expect(decided).toBe(3)
  expect(await openIds()).toHaveLength(2)
})

test('without "all" the marked ones are meant; all of nothing is nothing; nonsense is refused', () => {
  const [one, other] = [randomUUID(), randomUUID()]
  const of = (...pairs: string[][]) => selectedRequests(new URLSearchParams(pairs))
  expect(of(['id', one], ['shown', one], ['shown', other])).toEqual([one])
  expect(of(['all', 'yes'], ['id', one])).toEqual([])
  expect(of(['shown', one])).toEqual([])
  expect(of(['all', 'yes'], ['shown', "1' or '1'='1"])).toBeNull()
})
