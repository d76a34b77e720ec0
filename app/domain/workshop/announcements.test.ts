/** Announcements: one line of staff at a time, shown until its end, and changed by who saw the newest. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { announcementsVersion } from './announcements.server'
import {
  editAnnouncement,
  forgetAnnouncements,
  postAnnouncement,
  readAnnouncements,
  takeDownAnnouncement,
} from './announcements.server'

const slug = 'test-workshop'
const by = { slug, actorUserId: 'github:staff' }

const post = (world: World, line: string, end: { minutes: number } | 'closing' = { minutes: 15 }) =>
  postAnnouncement(world.ctx, { ...by, line, end })

async function shown(world: World) {
  forgetAnnouncements(world.ctx)
  return readAnnouncements(world.ctx, slug)
}

test('a line is shown in its workshop alone, until its end, and every step is audited', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop(), makeWorkshop({ slug: 'other' })],
  })
  expect(await post(world, 'Lunch is at half past twelve')).toEqual({ kind: 'posted' })
  const [line] = await shown(world)
  expect(line).toMatchObject({ line: 'Lunch is at half past twelve', cause: null, revision: 1 })
  expect(await readAnnouncements(world.ctx, 'other')).toEqual([])
  await world.travel(16 * 60_000)
  expect(await shown(world)).toEqual([])
  expect(await post(world, 'Back to work', 'closing')).toEqual({ kind: 'posted' })
  const [next] = await shown(world)
  expect(next?.endsAt).toBe(world.ctx.workshops.workshops.get(slug)?.claimsCloseAt?.toISOString())
  expect(await takeDownAnnouncement(world.ctx, { ...by, id: next!.id })).toEqual({
    kind: 'taken-down',
  })
  expect(await takeDownAnnouncement(world.ctx, { ...by, id: next!.id })).toEqual({
    kind: 'not-current',
  })
  expect(await shown(world)).toEqual([])
  const events = await world.db.auditEvent.findMany({
    where: { workshopSlug: slug, action: { startsWith: 'announcement.' } },
    orderBy: { id: 'asc' },
  })
  expect(events.map(({ action, actor }) => `${actor} ${action}`)).toEqual([
    'user:github:staff announcement.posted',
    'user:github:staff announcement.posted',
    'user:github:staff announcement.taken-down',
  ])
})

test('of many who post at once one does, and an edit of an older line changes nothing', async () => {
  await using world = await openWorld()
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, index) => post(world, `Line ${index}`)),
  )
  expect(outcomes.filter(({ kind }) => kind === 'posted')).toHaveLength(1)
  expect(outcomes.filter(({ kind }) => kind === 'shown-already')).toHaveLength(7)
  const [before] = await shown(world)
  const edit = (line: string) =>
    editAnnouncement(world.ctx, { ...by, id: before!.id, revision: 1, line, end: null })
  const edits = await Promise.all([edit('One'), edit('Two')])
  expect(edits.map(({ kind }) => kind).sort()).toEqual(['changed', 'not-current'])
  const after = await shown(world)
  expect(after[0]).toMatchObject({ id: before!.id, revision: 2, endsAt: before!.endsAt })
  expect(announcementsVersion(after)).not.toBe(announcementsVersion([before!]))
})

test('a line cannot end with claims that have closed, or that the file never closes', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ claimsCloseAt: null }), makeWorkshop({ slug: 'past' })],
  })
  expect(await post(world, 'For ever', 'closing')).toEqual({ kind: 'no-closing' })
  await world.travel(2 * 3_600_000)
  expect(
    await postAnnouncement(world.ctx, { ...by, slug: 'past', line: 'Late', end: 'closing' }),
  ).toEqual({ kind: 'no-closing' })
  expect(await world.db.announcement.count()).toBe(0)
})
