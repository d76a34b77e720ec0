/** Asking to be let in: once at a time, decided once, erased with the person, and links to the code. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { erasePerson } from '../people/erase.server'
import { exportPerson } from '../people/export.server'
import { readAccessPage } from './access-list.server'
import { askForAccess, decideRequests, grantBeforehand, readOwnAccess } from './access.server'
import type { Claimant } from './admission'
import { claimKey } from './claim.server'
import { isCodeLink, listCodeLinks, makeCodeLink, revokeCodeLink } from './code-links.server'

const slug = 'test-workshop'
const staff = { workshopSlug: slug, actorUserId: 'github:staff' }
const roster = { logins: new Set(['listed']), hashes: new Set<string>() }
const openClosed = () => openWorld({ workshops: [makeWorkshop({ roster })] })
const ask = async (world: World, person: Claimant, note = 'I teach here.') =>
  (await askForAccess(world.ctx, { workshopSlug: slug, person, note })).kind
const claim = (world: World, person: Claimant) =>
  claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
const openIds = async (world: World) =>
  (await readAccessPage(world.ctx, slug)).open.map(({ id }) => id)

test('asking twenty times at once is one request, which one press grants', async () => {
  await using world = await openClosed()
  const [person] = await world.people(1)
  const asked = await Promise.all(Array.from({ length: 20 }, () => ask(world, person!)))
  expect(asked.filter((kind) => kind === 'asked')).toHaveLength(1)
  expect(asked.filter((kind) => kind === 'already-asked')).toHaveLength(19)
  expect(await readOwnAccess(world.ctx, slug, person!)).toMatchObject({
    granted: false,
    refusedFor: 'not-on-roster',
    request: { state: 'open' },
  })
  const page = await readAccessPage(world.ctx, slug)
  expect(page).toMatchObject({
    openCount: 1,
    open: [{ name: person!.displayName, note: 'I teach here.', refusedFor: 'not-on-roster' }],
  })
  await decideRequests(world.ctx, {
    ...staff,
    ids: page.open.map(({ id }) => id),
    decision: 'granted',
    from: 'open',
  })
  expect(await readOwnAccess(world.ctx, slug, person!)).toMatchObject({
    granted: true,
    refusedFor: null,
    request: { state: 'granted' },
  })
  expect((await claim(world, person!)).kind).toBe('queued')
  expect(await ask(world, person!)).toBe('not-needed')
})

test('two who decide about the same forty at once decide each one once', async () => {
  await using world = await openClosed()
  const people = await world.people(40)
  for (const person of people) await ask(world, person)
  const ids = await openIds(world)
  const decided = await Promise.all([
    decideRequests(world.ctx, { ...staff, ids, decision: 'granted', from: 'open' }),
    decideRequests(world.ctx, {
      ...staff,
      ids: ids.toReversed(),
      decision: 'refused',
      from: 'open',
    }),
  ])
  expect(decided[0] + decided[1]).toBe(40)
  const granted = await world.db.accessRequest.count({ where: { state: 'granted' } })
  expect(granted).toBe(decided[0])
  expect(await world.db.accessGrant.count()).toBe(granted)
  const events = await world.db.auditEvent.count({
    where: { action: { in: ['access.granted', 'access.refused'] } },
  })
  expect(events).toBe(40)
})

test('who was refused may ask again, and a refusal can be changed', async () => {
  await using world = await openClosed()
  const [person] = await world.people(1)
  await ask(world, person!)
  const ids = await openIds(world)
  await decideRequests(world.ctx, { ...staff, ids, decision: 'refused', from: 'open' })
  // A page that is behind changes nothing.
  expect(
    await decideRequests(world.ctx, { ...staff, ids, decision: 'granted', from: 'open' }),
  ).toBe(0)
  expect(await ask(world, person!, 'Really.')).toBe('asked')
  expect(
    await decideRequests(world.ctx, { ...staff, ids, decision: 'granted', from: 'refused' }),
  ).toBe(1)
  expect((await readOwnAccess(world.ctx, slug, person!))?.granted).toBe(true)
})

test('nobody asks who may come in, and staff of another workshop decide nothing here', async () => {
  await using world = await openClosed()
  const [listed] = await world.people(1, { githubLogins: ['listed'] })
  const [stranger] = await world.people(1)
  const [banned] = await world.people(1, { banned: { reason: null } })
  expect(await ask(world, listed!)).toBe('not-needed')
  expect(await ask(world, banned!)).toBe('not-needed')
  await ask(world, stranger!)
  const ids = await openIds(world)
  const elsewhere = { workshopSlug: 'elsewhere', actorUserId: 'github:other' }
  expect(
    await decideRequests(world.ctx, { ...elsewhere, ids, decision: 'granted', from: 'open' }),
  ).toBe(0)
})

test('a grant by login answers the open request of that account', async () => {
  await using world = await openClosed()
  const [person] = await world.people(1, { githubLogins: ['mona'] })
  await world.db.identity.create({
    data: {
      provider: 'github',
      providerUserId: person!.userId.slice(7),
      userId: person!.userId,
      login: 'Mona',
      displayName: 'Mona',
    },
  })
  await ask(world, person!)
  await grantBeforehand(world.ctx, { ...staff, text: 'MONA' })
  expect(await world.db.accessRequest.count({ where: { state: 'granted' } })).toBe(1)
  expect((await readAccessPage(world.ctx, slug)).openCount).toBe(0)
})

test('an erased person leaves no request, no note, and no grant that names them', async () => {
  await using world = await openClosed()
  const [person] = await world.people(1, { githubLogins: ['mona'] })
  const { userId } = person!
  await world.db.identity.create({
    data: {
      provider: 'github',
      providerUserId: userId.slice(7),
      userId,
      login: 'Mona',
      displayName: 'Mona',
    },
  })
  await ask(world, person!, 'My name is Mona.')
  await decideRequests(world.ctx, {
    ...staff,
    ids: await openIds(world),
    decision: 'granted',
    from: 'open',
  })
  await grantBeforehand(world.ctx, { ...staff, text: 'mona\nother' })
  let file = ''
  for await (const piece of await exportPerson(world.ctx, userId)) file += piece
  expect(JSON.parse(file)).toMatchObject({
    accessRequests: [{ note: 'My name is Mona.' }],
    accessGrants: [{ kind: 'person' }],
  })
  expect((await erasePerson(world.ctx, { userId, because: 'asked' })).kind).toBe('erased')
  expect(await world.db.accessRequest.count()).toBe(0)
  expect((await world.db.accessGrant.findMany()).map(({ mark }) => mark)).toEqual(['other'])
})

test('a link shows the code of its workshop until it is revoked, and no other text does', async () => {
  await using world = await openWorld()
  const token = (await makeCodeLink(world.ctx, staff))!
  const [line] = await listCodeLinks(world.ctx, slug)
  expect(line?.token).toBe(token)
  const works = (text: string, where = slug) => isCodeLink(world.ctx, where, text)
  expect(await works(token)).toBe(true)
  expect(await works(token, 'other-workshop')).toBe(false)
  const [id = '', signature = ''] = token.split('.')
  const { id: foreign } = await world.db.codeLink.create({
    data: {
      workshopSlug: slug,
      madeBy: 'github:staff',
      expiresAt: new Date(Date.now() + 86_400_000),
    },
  })
  for (const wrong of [
    '',
    id,
    `${id}.`,
    `${id}.${'A'.repeat(24)}`,
    `${foreign}.${signature}`,
    `${id}.${signature}A`,
    `${id.toUpperCase()}.${signature}`,
    `${'-'.repeat(36)}.${signature}`,
  ])
    expect(await works(wrong), wrong).toBe(false)
  expect(await revokeCodeLink(world.ctx, { ...staff, id })).toBe(true)
  expect(await revokeCodeLink(world.ctx, { ...staff, id })).toBe(false)
  expect(await works(token)).toBe(false)
  const next = (await makeCodeLink(world.ctx, staff))!
  await world.travel(8 * 86_400_000)
  expect(await works(next)).toBe(false)
})

test('forty links asked for at once are twenty', async () => {
  await using world = await openWorld()
  const made = await Promise.all(Array.from({ length: 40 }, () => makeCodeLink(world.ctx, staff)))
  expect(made.filter((token) => token !== null)).toHaveLength(20)
})
