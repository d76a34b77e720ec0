/** Who may come in, as claims decide it: rules, grants and codes, raced, replayed and guessed. */
import { expect, test } from 'vitest'
import { makeWorkshop, openWorld, usd, type World } from '../../../tests/world'
import type { Workshop } from '../workshop-file'
import { grantBeforehand, revokeGrant } from './access.server'
import type { Claimant } from './admission'
import { banPerson } from '../people/ban.server'
import { pauseMinting } from '../keys/pause.server'
import { claimKey } from './claim.server'
import { readTurnedAway } from './turned-away.server'
import { codeOf, isRightCode, minuteOf, typedCode } from './workshop-code'

const slug = 'test-workshop'
const day = 86_400_000
const openWith = (change: Partial<Workshop>, more: object = {}) =>
  openWorld({ workshops: [makeWorkshop(change)], ...more })

async function claim(world: World, person: Claimant, code?: string): Promise<string> {
  const outcome = await claimKey(world.ctx, {
    workshopSlug: slug,
    person,
    optIn: false,
    ...(code === undefined ? {} : { code }),
  })
  return outcome.kind === 'refused' ? outcome.reason : outcome.kind
}
const onePerson = async (world: World, change: Partial<Claimant> = {}) =>
  (await world.people(1, change))[0]!
const grant = (world: World, text: string) =>
  grantBeforehand(world.ctx, { workshopSlug: slug, text, actorUserId: 'github:staff' })
const emptyRoster = { logins: new Set<string>(), hashes: new Set<string>() }

test('a domain is that domain and a star is its subdomains, letter by letter', async () => {
  await using world = await openWith({ allowedDomains: ['example.org', '*.uni.example'] })
  const outcomes: Record<string, string> = {}
  for (const emailNormalized of [
    'a@example.org',
    'b@sub.example.org',
    'c@notexample.org',
    'd@uni.example',
    'e@cs.uni.example',
    'f@deep.cs.uni.example',
    'g@evil-uni.example',
    'h@example.org.evil.test',
    '"x@example.org"@evil.test',
  ])
    outcomes[emailNormalized] = await claim(world, await onePerson(world, { emailNormalized }))
  expect(outcomes).toEqual({
    'a@example.org': 'queued',
    'b@sub.example.org': 'wrong-domain',
    'c@notexample.org': 'wrong-domain',
    'd@uni.example': 'wrong-domain',
    'e@cs.uni.example': 'queued',
    'f@deep.cs.uni.example': 'queued',
    'g@evil-uni.example': 'wrong-domain',
    'h@example.org.evil.test': 'wrong-domain',
    '"x@example.org"@evil.test': 'wrong-domain',
  })
  expect((await readTurnedAway(world.ctx, 30)).get(slug)).toEqual([
    { reason: 'wrong-domain', count: 6 },
  ])
})

test('a roster knows logins and hashed addresses, and nobody else comes in', async () => {
  await using world = await openWith({})
  const hashes = new Set([world.ctx.rosterKeys.of(slug, 'listed@example.org')])
  const elsewhere = world.ctx.rosterKeys.of('other-workshop', 'elsewhere@example.org')
  const workshop = makeWorkshop({
    roster: { logins: new Set(['octocat']), hashes: new Set([...hashes, elsewhere]) },
  })
  world.ctx.workshops.workshops.set(slug, workshop)
  const tries: [Partial<Claimant>, string][] = [
    [{ githubLogins: ['octocat'] }, 'queued'],
    [{ emailNormalized: 'listed@example.org', githubLogins: [] }, 'queued'],
    [{ emailNormalized: 'elsewhere@example.org' }, 'not-on-roster'],
    [{ githubLogins: ['octocat2'] }, 'not-on-roster'],
    // The Kelvin sign is no "k", and a Cyrillic "о" no "o".
    [{ githubLogins: ['оctocat'] }, 'not-on-roster'],
    [{}, 'not-on-roster'],
  ]
  for (const [change, outcome] of tries)
    expect(await claim(world, await onePerson(world, change)), JSON.stringify(change)).toBe(outcome)
})

test('an account of a workshop may have to be old, and of unknown age is not', async () => {
  await using world = await openWith({ minAccountAgeMs: 30 * day, providers: ['github'] })
  const young = await onePerson(world, { githubAccountCreatedAt: new Date(Date.now() - 29 * day) })
  const unknown = await onePerson(world, { githubAccountCreatedAt: null })
  const old = await onePerson(world, { githubAccountCreatedAt: new Date(Date.now() - 31 * day) })
  expect([await claim(world, young), await claim(world, unknown), await claim(world, old)]).toEqual(
    ['account-too-new', 'account-too-new', 'queued'],
  )
})

test('a grant by login, address or person lifts every rule of entry, until it is taken back', async () => {
  await using world = await openWith({
    allowedDomains: ['nowhere.example'],
    roster: emptyRoster,
    minAccountAgeMs: 30 * day,
    roomCode: 'rotating',
    providers: ['github'],
  })
  const [login, address, other] = [
    await onePerson(world, { githubLogins: ['mona'], githubAccountCreatedAt: null }),
    await onePerson(world, { emailNormalized: 'adalovelace@gmail.com' }),
    await onePerson(world),
  ]
  expect(await claim(world, login)).toBe('wrong-domain')
  expect(await grant(world, 'Mona\nAda.Lovelace+x@Googlemail.com\n')).toEqual({
    kind: 'granted',
    made: 2,
    had: 0,
  })
  expect([await claim(world, login), await claim(world, address)]).toEqual(['queued', 'queued'])
  expect(await claim(world, other)).toBe('wrong-domain')
  const stored = JSON.stringify(await world.db.accessGrant.findMany())
  expect(stored).not.toMatch(/gmail|lovelace/i)
  expect(
    JSON.stringify(await world.db.auditEvent.findMany(), (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    ),
  ).not.toMatch(/lovelace|mona/i)

  const late = await onePerson(world, { githubLogins: ['late'] })
  await grant(world, 'late')
  const { id } = await world.db.accessGrant.findFirstOrThrow({ where: { mark: 'late' } })
  const back = { workshopSlug: slug, id, actorUserId: 'github:staff' }
  expect([await revokeGrant(world.ctx, back), await revokeGrant(world.ctx, back)]).toEqual([
    true,
    false,
  ])
  expect(await claim(world, late)).toBe('wrong-domain')
  expect(await revokeGrant(world.ctx, { ...back, workshopSlug: 'other' })).toBe(false)
})

test('a grant lifts neither seats nor pool nor pause nor ban', async () => {
  await using world = await openWith({ roster: emptyRoster, maxKeys: 1, poolLimit: usd(2) })
  const people = await world.people(3)
  for (const [index, person] of people.entries()) person.githubLogins = [`p${index}`]
  await grant(world, 'p0\np1\np2')
  await pauseMinting(world.ctx, { actorUserId: 'github:staff', reason: 'Later.' })
  expect(await claim(world, people[0]!)).toBe('paused')
  await world.db
    .$executeRaw`update keymint.minting set paused_at = null, pause_reason = null, paused_by = null`
  await banPerson(world.ctx, {
    userId: people[1]!.userId,
    reason: 'Spam.',
    actorUserId: 'github:staff',
  })
  expect(await claim(world, { ...people[1]!, banned: { reason: 'Spam.' } })).toBe('banned')
  expect(await claim(world, people[0]!)).toBe('queued')
  expect(await claim(world, people[2]!)).toBe('full')
})

test('a line that is nobody grants nothing at all', async () => {
  await using world = await openWith({ roster: emptyRoster })
  expect(await grant(world, 'mona\nAda Lovelace\n@x\nada@\n')).toEqual({
    kind: 'refused',
    lines: [2, 3, 4],
  })
  expect(await world.db.accessGrant.count()).toBe(0)
})

test('the code of this minute and the one before count, by the clock of the database', async () => {
  const noon = new Date('2026-12-01T12:00:30Z')
  await using world = await openWith(
    {
      roomCode: 'rotating',
      claimsOpenAt: new Date('2026-12-01T09:00:00Z'),
      claimsCloseAt: new Date('2026-12-01T18:00:00Z'),
      keyExpiresAt: new Date('2026-12-02T00:00:00Z'),
    },
    { clock: noon },
  )
  const people = await world.people(6)
  const code = (minute: number) => codeOf(world.ctx, slug, minuteOf(noon) + minute)
  // This process's own clock decides nothing.
  world.moveClock(7 * 60_000)
  expect([
    await claim(world, people[0]!),
    await claim(world, people[0]!, code(1)),
    await claim(world, people[0]!, code(-2)),
    await claim(world, people[0]!, codeOf(world.ctx, 'other', minuteOf(noon))),
    await claim(world, people[0]!, code(0)),
    await claim(world, people[1]!, ` ${code(-1).slice(0, 3)} ${code(-1).slice(3)} `),
  ]).toEqual(['code-needed', 'code-wrong', 'code-wrong', 'code-wrong', 'queued', 'queued'])
  // What others have used still works for them in its two minutes; each person claims once.
  expect(await claim(world, people[2]!, code(0))).toBe('queued')
  expect(await claim(world, people[2]!, code(0))).toBe('already-claimed')
  expect(await claim(world, people[2]!)).toBe('already-claimed')
  await world.travelTo(new Date('2026-12-01T12:08:00Z'))
  expect(await claim(world, people[3]!, code(0))).toBe('code-wrong')
  expect(await world.db.workshopAttendance.count()).toBe(3)
  expect(world.logLines.join('\n')).not.toContain(code(0))
})

test('codes are six digits, of their workshop, minute and deployment, and nothing longer is right', async () => {
  await using world = await openWith({ roomCode: 'rotating' })
  const { ctx } = world
  const at = new Date('2026-12-01T12:00:59.999Z')
  const minute = minuteOf(at)
  const codes = Array.from({ length: 2_000 }, (_, index) => codeOf(ctx, slug, minute + index))
  expect(codes.every((code) => /^\d{6}$/.test(code))).toBe(true)
  expect(new Set(codes).size).toBeGreaterThan(1_980)
  const right = codeOf(ctx, slug, minute)
  expect(isRightCode(ctx, slug, right, at)).toBe(true)
  expect(isRightCode(ctx, slug, right, new Date(at.getTime() + 1))).toBe(true)
  expect(isRightCode(ctx, slug, right, new Date(at.getTime() + 60_001))).toBe(false)
  for (const wrong of ['', right.slice(1), `${right}0`, `${right}\0`, `x${right}`, `${right}é`])
    expect(isRightCode(ctx, slug, wrong, at), JSON.stringify(wrong)).toBe(false)
  expect(typedCode('１２３ - 456\t')).toBe('123456')
})

test('a person has ten tries in five minutes, right or wrong, also all at once', async () => {
  await using world = await openWith({ roomCode: 'rotating' })
  const person = await onePerson(world)
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, () => claim(world, person, 'wrong')),
  )
  const count = (outcome: string) => outcomes.filter((one) => one === outcome).length
  expect([count('code-wrong'), count('code-limit')]).toEqual([10, 20])
  const now = await world.db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  const right = codeOf(world.ctx, slug, minuteOf(now[0]!.now))
  expect(await claim(world, person, right)).toBe('code-limit')
  // Nobody else waits for them, and staff can still let them in.
  expect(await claim(world, await onePerson(world), right)).toBe('queued')
  await world.db.accessGrant.create({
    data: { workshopSlug: slug, kind: 'person', mark: person.userId, grantedBy: 'github:staff' },
  })
  expect(await claim(world, person)).toBe('queued')
})

test('300 people who type at once, a third of them wrong at first, all come in', async () => {
  await using world = await openWith({ roomCode: 'rotating' })
  const people = await world.people(300)
  const [row] = await world.db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  const right = codeOf(world.ctx, slug, minuteOf(row!.now))
  await Promise.all(
    people.map(async (person, index) => {
      if (index % 3 === 0) expect(await claim(world, person, '000000 ')).toBe('code-wrong')
      expect(await claim(world, person, right)).toBe('queued')
    }),
  )
  expect(await world.db.workshopAttendance.count()).toBe(300)
}, 60_000)

test('one person who claims fifty times at once with a code has one claim', async () => {
  await using world = await openWith({
    roomCode: 'rotating',
    roster: { logins: new Set(['me']), hashes: new Set() },
  })
  const person = await onePerson(world, { githubLogins: ['me'] })
  const [row] = await world.db.$queryRaw<{ now: Date }[]>`select keymint.now() as now`
  const right = codeOf(world.ctx, slug, minuteOf(row!.now))
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => claim(world, person, right)))
  expect(outcomes.filter((one) => one === 'queued')).toHaveLength(1)
  expect(new Set(outcomes).size).toBeLessThanOrEqual(3)
  expect(await world.db.workshopAttendance.count()).toBe(1)
  expect(await world.db.mint.count()).toBe(1)
})

test('how long a wrong code takes tells nothing of the right one', async () => {
  await using world = await openWith({ roomCode: 'rotating' })
  const at = new Date()
  const right = codeOf(world.ctx, slug, minuteOf(at))
  const near = `${right.slice(0, 5)}${(Number(right[5]) + 1) % 10}`
  const far = `${(Number(right[0]) + 1) % 10}${right.slice(1)}`
  const spans: Record<string, number[]> = { [near]: [], [far]: [] }
  // In turns, so that whatever else this machine does slows both.
  for (let round = 0; round < 6_000; round++)
    for (const [typed, list] of Object.entries(spans)) {
      const from = process.hrtime.bigint()
      isRightCode(world.ctx, slug, typed, at)
      if (round >= 1_000) list.push(Number(process.hrtime.bigint() - from))
    }
  const [one = 0, other = 0] = Object.values(spans).map((list) => list.sort((a, b) => a - b)[2_500])
  expect(Math.abs(one - other) / Math.max(one, other)).toBeLessThan(0.25)
})

test('who has a key keeps it when a rule of the file begins to refuse them', async () => {
  await using world = await openWith({})
  const person = await onePerson(world)
  expect(await claim(world, person)).toBe('queued')
  world.ctx.workshops.workshops.set(
    slug,
    makeWorkshop({ roster: emptyRoster, roomCode: 'rotating' }),
  )
  expect(await claim(world, person)).toBe('already-claimed')
  expect(await claim(world, await onePerson(world))).toBe('not-on-roster')
})
