/** The line of a full workshop: its order, who is skipped, and what nobody can do past it. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import type { Workshop } from '../workshop-file'
import { pauseMinting, resumeMinting } from '../keys/pause.server'
import { banPerson } from '../people/ban.server'
import { erasePerson } from '../people/erase.server'
import { exportPerson } from '../people/export.server'
import { findWorkshopView } from '../workshop/view.server'
import type { Claimant } from './admission'
import { claimKey } from './claim.server'
import { giveBack } from './end-claim.server'
import { letIn, serveWaitlists } from './serve-waitlist.server'
import { mailLetIn } from './waitlist-mail.server'
import { leaveLine, readLine, readOwnPlace, removeFromLine } from './waitlist.server'

const workshopSlug = 'test-workshop'
const staff = 'github:staff'
const openFull = async (change: Partial<Workshop> = {}, seats = 1) => {
  const world = await openWorld({
    workshops: [makeWorkshop({ waitlist: true, maxKeys: seats, ...change })],
  })
  const holders = await world.people(seats)
  for (const holder of holders) expect(await claim(world, holder)).toBe('queued')
  return Object.assign(world, { holders })
}
async function claim(world: World, person: Claimant, code = ''): Promise<string> {
  const outcome = await claimKey(world.ctx, { workshopSlug, person, optIn: false, code })
  return outcome.kind === 'refused' ? outcome.reason : outcome.kind
}
async function free(world: World, { userId }: Claimant): Promise<void> {
  const { claimId } = await world.db.workshopAttendance.findFirstOrThrow({ where: { userId } })
  expect(await giveBack(world.ctx, { claimId, userId })).toBe('given-back')
}
const place = (world: World, { userId }: Claimant) =>
  readOwnPlace(world.ctx, { workshopSlug, userId })
const position = async (world: World, person: Claimant) => {
  const own = await place(world, person)
  return own?.state === 'waiting' ? own.position : own?.state
}
const workshopOf = (world: World) => world.ctx.workshops.workshops.get(workshopSlug)!

test('a full workshop gives places in order, and a seat that frees goes to the first', async () => {
  await using world = await openFull()
  const people = await world.people(3)
  for (const person of people) expect(await claim(world, person)).toBe('waiting')
  // A second click is the same place.
  expect(await claim(world, people[0]!)).toBe('waiting')
  expect(await Promise.all(people.map((person) => position(world, person)))).toEqual([1, 2, 3])
  expect(await findWorkshopView(world.ctx, workshopSlug)).toMatchObject({
    seats: { left: 0 },
    waitlist: { waiting: 3 },
  })
  expect(await serveWaitlists(world.ctx)).toBe(0)

  await free(world, world.holders[0]!)
  // The seat is free, and somebody new stands behind all of them.
  const [late] = await world.people(1)
  expect(await claim(world, late!)).toBe('waiting')
  expect(await position(world, late!)).toBe(4)
  expect(await serveWaitlists(world.ctx)).toBe(1)
  expect(await Promise.all(people.map((person) => position(world, person)))).toEqual([
    'let-in',
    1,
    2,
  ])
  expect(await claim(world, people[0]!)).toBe('already-claimed')
  expect(await world.db.pool.findFirstOrThrow()).toMatchObject({ seats: 1 })
  const served = await world.db.workshopAttendance.findFirstOrThrow({
    where: { userId: people[0]!.userId },
  })
  expect(served.state).toBe('pending')
  const events = await world.db.auditEvent.findMany({
    where: { action: { startsWith: 'waitlist.' } },
    orderBy: { id: 'asc' },
  })
  expect(events.map(({ action, actor }) => [action, actor === 'worker'])).toEqual([
    ['waitlist.joined', false],
    ['waitlist.joined', false],
    ['waitlist.joined', false],
    ['waitlist.joined', false],
    ['waitlist.let-in', true],
  ])
})

test('without a waitlist a full workshop refuses as before, and the pool holds for the line too', async () => {
  await using world = await openFull({ waitlist: false })
  const [late] = await world.people(1)
  expect(await claim(world, late!)).toBe('full')
  expect(await findWorkshopView(world.ctx, workshopSlug)).toMatchObject({ waitlist: null })
  await using poor = await openFull({ maxKeys: null, poolLimit: usd(2) })
  const [next] = await poor.people(1)
  expect(await claim(poor, next!)).toBe('waiting')
  expect(await serveWaitlists(poor.ctx)).toBe(0)
  // The file is raised: one seat for one who waits.
  poor.ctx.workshops.workshops.set(workshopSlug, { ...workshopOf(poor), poolLimit: usd(4) })
  expect(await serveWaitlists(poor.ctx)).toBe(1)
  expect(await position(poor, next!)).toBe('let-in')
})

test('who is banned or has a key by another account is skipped, and the next gets the seat', async () => {
  await using world = await openFull()
  const [banned, twin, ok] = await world.people(3)
  for (const person of [banned!, twin!, ok!]) expect(await claim(world, person)).toBe('waiting')
  await banPerson(world.ctx, { userId: banned!.userId, reason: 'Spam.', actorUserId: staff })
  await world.db.$executeRaw`
    update keymint.workshop_attendance set email_normalized = ${twin!.emailNormalized}`
  expect(await claim(world, { ...banned!, banned: { reason: 'Spam.' } })).toBe('banned')
  await free(world, world.holders[0]!)
  expect(await serveWaitlists(world.ctx)).toBe(3)
  expect(await place(world, banned!)).toEqual({ state: 'skipped', reason: 'banned' })
  expect(await place(world, twin!)).toEqual({ state: 'skipped', reason: 'email-already-claimed' })
  expect(await position(world, ok!)).toBe('let-in')
  const { skipped } = await readLine(world.ctx, workshopSlug)
  expect(skipped.map(({ reason }) => reason).sort()).toEqual(['banned', 'email-already-claimed'])
})

test('the rules of entry hold for joining and again for the seat; a code only for joining', async () => {
  await using world = await openFull({ allowedDomains: ['example.org'] })
  const [stranger] = await world.people(1, { emailNormalized: 'x@elsewhere.example' })
  expect(await claim(world, stranger!)).toBe('wrong-domain')
  const [first, second] = await world.people(2)
  expect(await claim(world, first!)).toBe('waiting')
  await world.db.$executeRaw`
    update keymint.attendees set email_normalized = 'moved@elsewhere.example'
    where user_id = ${first!.userId}`
  expect(await claim(world, second!)).toBe('waiting')
  // A code that is asked for from now on was not asked of them.
  world.ctx.workshops.workshops.set(workshopSlug, { ...workshopOf(world), roomCode: 'rotating' })
  const [third] = await world.people(1)
  expect(await claim(world, third!)).toBe('code-needed')
  await free(world, world.holders[0]!)
  expect(await serveWaitlists(world.ctx)).toBe(2)
  expect(await place(world, first!)).toEqual({ state: 'skipped', reason: 'wrong-domain' })
  expect(await position(world, second!)).toBe('let-in')
})

test('a pause keeps every place; closing ends the line', async () => {
  await using world = await openFull()
  const [first, second] = await world.people(2)
  expect(await claim(world, first!)).toBe('waiting')
  await free(world, world.holders[0]!)
  await pauseMinting(world.ctx, { actorUserId: staff, reason: 'Lunch.' })
  expect(await claim(world, second!)).toBe('paused')
  expect(await serveWaitlists(world.ctx)).toBe(0)
  expect(await position(world, first!)).toBe(1)
  await resumeMinting(world.ctx, { actorUserId: staff })
  world.ctx.workshops.workshops.set(workshopSlug, {
    ...workshopOf(world),
    claimsCloseAt: new Date(Date.now() - 1000),
  })
  expect(await serveWaitlists(world.ctx)).toBe(1)
  expect(await place(world, first!)).toEqual({ state: 'skipped', reason: 'closed' })
})

test('one leaves, is removed, or is let in out of turn by staff where a seat is free', async () => {
  await using world = await openFull()
  const [a, b, c, d] = await world.people(4)
  for (const person of [a!, b!, c!, d!]) await claim(world, person)
  const mine = { workshopSlug, userId: a!.userId }
  expect([await leaveLine(world.ctx, mine), await leaveLine(world.ctx, mine)]).toEqual([
    true,
    false,
  ])
  expect(await place(world, a!)).toBeNull()
  const line = await readLine(world.ctx, workshopSlug)
  expect(line.waiting.map(({ position }) => position)).toEqual([1, 2, 3])
  const gone = { workshopSlug, id: line.waiting[0]!.id, actorUserId: staff }
  expect(await removeFromLine(world.ctx, { ...gone, workshopSlug: 'other' })).toBe(false)
  expect(await removeFromLine(world.ctx, gone)).toBe(true)
  expect(await position(world, b!)).toBe('removed')
  const by = { actor: `user:${staff}`, id: line.waiting[2]!.id } as const
  expect(await letIn(world.ctx, workshopOf(world), by)).toEqual({ kind: 'full' })
  await free(world, world.holders[0]!)
  expect(await letIn(world.ctx, workshopOf(world), by)).toMatchObject({ kind: 'let-in' })
  expect(await letIn(world.ctx, workshopOf(world), by)).toEqual({ kind: 'nobody' })
  expect(await position(world, d!)).toBe('let-in')
  expect(await position(world, c!)).toBe(1)
  // Back at the end, as everybody.
  expect(await claim(world, a!)).toBe('waiting')
  expect(await position(world, a!)).toBe(2)
})

test('a mail goes out once for a seat, the export holds the place, and erasure forgets it', async () => {
  await using world = await openFull({}, 1)
  const [first, second] = await world.people(2)
  await claim(world, first!)
  await claim(world, second!)
  await free(world, world.holders[0]!)
  await serveWaitlists(world.ctx)
  const mails: { to: string; text: string }[] = []
  expect(await mailLetIn(world.ctx)).toBe(0)
  world.ctx.mailer = { send: (mail) => (mails.push(mail), Promise.resolve(true)) }
  expect((await Promise.all([mailLetIn(world.ctx), mailLetIn(world.ctx)])).sort()).toEqual([0, 1])
  expect(mails).toHaveLength(1)
  expect(mails[0]).toMatchObject({ to: first!.emailNormalized })
  expect(mails[0]!.text).toContain('http://localhost:3000/w/test-workshop/claim')

  let exported = ''
  for await (const piece of await exportPerson(world.ctx, second!.userId)) exported += piece
  expect(JSON.parse(exported)).toMatchObject({ waitlist: [{ state: 'waiting', workshopSlug }] })
  expect(await erasePerson(world.ctx, { userId: second!.userId, because: 'asked' })).toEqual({
    kind: 'erased',
  })
  expect(await world.db.waitlistPlace.count({ where: { state: 'waiting' } })).toBe(0)
})

test('thirty who click at once for five seats: five keys, and a line without gaps or doubles', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop({ waitlist: true, maxKeys: 5 })],
  })
  const people = await world.people(30)
  const outcomes = await Promise.all([...people, ...people].map((person) => claim(world, person)))
  // A place may be given just before the last seat is: the sweep fills it.
  await Promise.all([serveWaitlists(world.ctx), serveWaitlists(world.ctx)])
  expect(new Set(outcomes)).not.toContain('full')
  expect(await world.db.workshopAttendance.count()).toBe(5)
  expect(await world.db.pool.findFirstOrThrow()).toMatchObject({ seats: 5 })
  const waiting = await Promise.all(people.map((person) => position(world, person)))
  expect(waiting.filter((one) => typeof one === 'number').sort((x, y) => x - y)).toEqual(
    Array.from({ length: 25 }, (_, index) => index + 1),
  )
})
