import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createMailer } from '~/adapters/mail.server'
import { openTeamWorld } from '../../../tests/team'
import { forecastEnd } from './forecast'
import { lifeEnd } from './key-life'
import { invitationOfPath, joinUrl } from '~/urls'
import { invitationMail } from '~/components/team/invitation-mail'
import {
  acceptInvitation,
  findInvitation,
  findInvitingTeam,
  invite,
  inviteByMail,
  newInvitationToken,
  revokeInvitation,
} from './invitations.server'
import { listOpenInvitations } from './open-invitations.server'
import {
  createTeam,
  findMembership,
  listTeamsOf,
  removeMember,
  setRole,
  suspendMember,
} from './team.server'

type World = Awaited<ReturnType<typeof openTeamWorld>>

async function newcomer(
  world: World,
  name = 'A newcomer',
): Promise<{ userId: string; banned: null }> {
  const userId = `github:${crypto.randomUUID().slice(0, 8)}`
  await world.db.attendee.create({ data: { userId, displayName: name, authProvider: 'github' } })
  return { userId, banned: null }
}

async function invitation(
  world: World,
  role: 'owner' | 'member' = 'member',
): Promise<{ token: string; invitationId: string }> {
  const outcome = await invite(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    role,
    email: null,
    actorUserId: world.ownerId,
  })
  if (outcome.kind !== 'invited') throw new Error(outcome.reason)
  return outcome
}

// Its token is nowhere in the database.
test('an invitation lets one person in, however many open it at once', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { token } = await invitation(world)
  const people = await Promise.all(Array.from({ length: 8 }, () => newcomer(world)))
  const outcomes = await Promise.all(
    people.map((person) => acceptInvitation(world.ctx, token, person)),
  )
  expect(outcomes.filter(({ kind }) => kind === 'joined')).toHaveLength(1)
  expect(outcomes.filter(({ kind }) => kind === 'refused')).toHaveLength(7)
  const everything = JSON.stringify(
    await Promise.all([
      world.db.invitation.findMany(),
      world.db.auditEvent.findMany({ select: { subject: true, details: true } }),
    ]),
  )
  expect(everything).not.toContain(token)
})

test('a link ends by being used, taken back or a week old; looking at it uses nothing up', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const person = await newcomer(world)
  const [used, revoked, expired] = [
    await invitation(world),
    await invitation(world),
    await invitation(world),
  ]
  const snapshots = () =>
    Promise.all(
      [used, revoked, expired].map(
        async ({ token }) => (await findInvitation(world.ctx, token, person.userId))?.snapshot,
      ),
    )
  expect(await listOpenInvitations(world.ctx, world.teamId)).toHaveLength(3)
  expect([await snapshots(), await snapshots()]).toEqual([
    ['open', 'open', 'open'],
    ['open', 'open', 'open'],
  ])
  await acceptInvitation(world.ctx, used.token, await newcomer(world))
  const revoke = () =>
    revokeInvitation(world.ctx, {
      teamId: world.teamId,
      slug: world.slug,
      invitationId: revoked.invitationId,
      actorUserId: world.ownerId,
    })
  expect([await revoke(), await revoke()]).toEqual([true, false])
  await world.moveClock(7 * 86_400_000 + 1)
  expect(await snapshots()).toEqual(['used', 'revoked', 'expired'])
  for (const { token } of [used, revoked, expired])
    expect(await acceptInvitation(world.ctx, token, person)).toEqual({
      kind: 'refused',
      reason: 'not-open',
    })
  expect(await findInvitation(world.ctx, 'nobody-has-made-this', person.userId)).toBeNull()
})

test('whoever is in already uses nothing up, and whoever was removed comes back without the old budget', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const userId = world.memberIds[0]!
  const { token } = await invitation(world)
  expect(await acceptInvitation(world.ctx, token, { userId, banned: null })).toMatchObject({
    kind: 'already-member',
  })
  await world.db.budget.create({
    data: {
      teamId: world.teamId,
      userId,
      month: new Date('2026-11-01'),
      allocatedUsd: 50,
      setBy: world.ownerId,
    },
  })
  await removeMember(world.ctx, { teamId: world.teamId, userId }, world.ownerId, 'over')
  expect(await findMembership(world.ctx, world.slug, userId)).toBeNull()
  expect(await acceptInvitation(world.ctx, token, { userId, banned: null })).toEqual({
    kind: 'joined',
    slug: world.slug,
  })
  expect(await world.db.budget.count()).toBe(0)
  expect(await findMembership(world.ctx, world.slug, userId)).toMatchObject({
    role: 'member',
    state: 'active',
  })
})

test('a team always keeps an active owner, also when two leave in the same moment', async () => {
  await using world = await openTeamWorld({ members: 1 })
  const [member] = world.memberIds as [string]
  const owner = { teamId: world.teamId, userId: world.ownerId }
  expect(await removeMember(world.ctx, owner, world.ownerId, 'left')).toEqual({
    kind: 'refused',
    reason: 'last-owner',
  })
  expect(await setRole(world.ctx, owner, 'member', world.ownerId, 'x')).toEqual({
    kind: 'refused',
    reason: 'last-owner',
  })
  expect(await suspendMember(world.ctx, owner, world.ownerId, 'x')).toEqual({
    kind: 'refused',
    reason: 'last-owner',
  })
  for (let round = 0; round < 10; round++) {
    await world.db.teamMember.updateMany({
      data: { role: 'owner', state: 'active', removedAt: null },
    })
    const outcomes = await Promise.all(
      [owner, { teamId: world.teamId, userId: member }].map((ref) =>
        removeMember(world.ctx, ref, ref.userId, 'left'),
      ),
    )
    expect(outcomes.filter(({ kind }) => kind === 'done')).toHaveLength(1)
  }
})

test('addresses of teams are taken once, well formed, and never those of the site itself', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const person = await newcomer(world)
  const make = (slug: string, name = 'A team') => createTeam(world.ctx, { name, slug, person })
  expect(await make(world.slug)).toEqual({ kind: 'refused', reason: 'slug-taken' })
  for (const slug of ['new', 'join', 'Upper', 'a--b', '-a', 'a b', '', 'a'.repeat(41), 'a.b'])
    expect(await make(slug), slug).toEqual({ kind: 'refused', reason: 'bad-slug' })
  expect(await make('fine', '  ')).toEqual({ kind: 'refused', reason: 'bad-name' })
  expect(await make('fine')).toEqual({ kind: 'created', slug: 'fine' })
  expect(await listTeamsOf(world.ctx, person.userId)).toEqual([
    { slug: 'fine', name: 'A team', role: 'owner', closed: false },
  ])
  expect(
    await createTeam(world.ctx, {
      name: 'x',
      slug: 'other',
      person: { userId: person.userId, banned: {} },
    }),
  ).toEqual({ kind: 'refused', reason: 'banned' })
})

test('an invitation is mailed where mail is configured, and a server that fails leaves the link to copy', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const letters: string[] = []
  const server = createServer((socket) => {
    let letter = ''
    let inData = false
    socket.write('220 here\r\n')
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        if (inData) {
          if (line !== '.') letter += `${line}\n`
          else {
            inData = false
            letters.push(letter)
            socket.write('250 taken\r\n')
          }
        } else if (line === 'DATA') {
          inData = true
          socket.write('354 go on\r\n')
        } else if (line === 'QUIT') socket.end('221 bye\r\n')
        else socket.write('250 ok\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  world.ctx.mailer = createMailer({
    smtpUrl: `smtp://127.0.0.1:${port}`,
    from: 'Keymint <keymint@example.org>',
  })
  const input = {
    teamId: world.teamId,
    slug: world.slug,
    role: 'member' as const,
    email: 'new@example.org',
    actorUserId: world.ownerId,
    mailOf: ({ token, days }: { token: string; days: number }) =>
      invitationMail({
        teamName: 'A team',
        invitedBy: 'Olive',
        role: 'member',
        url: `https://keys.example.org/t/join/${token}`,
        days,
      }),
  }
  const sent = await inviteByMail(world.ctx, input)
  expect(sent).toMatchObject({ kind: 'invited', mailed: 'sent' })
  expect(letters).toHaveLength(1)
  expect(letters[0]!.replace(/=\n/g, '')).toContain(
    sent.kind === 'invited' ? `https://keys.example.org/t/join/${sent.token}` : '-',
  )
  await new Promise((resolve) => server.close(resolve))
  expect(await inviteByMail(world.ctx, input)).toMatchObject({ kind: 'invited', mailed: 'failed' })
  world.ctx.mailer = null
  expect(await inviteByMail(world.ctx, input)).toMatchObject({ mailed: 'not-asked' })
  expect(await world.db.invitation.count({ where: { email: null } })).toBe(1)
}, 60_000)

test('the sign-in of an open invitation names its team, and that of any other names none', async () => {
  await using world = await openTeamWorld({ members: 0 })
  const { token, invitationId } = await invitation(world)
  const { name } = await world.db.team.findUniqueOrThrow({ where: { id: world.teamId } })
  expect(await findInvitingTeam(world.ctx, token)).toBe(name)
  expect(await findInvitingTeam(world.ctx, newInvitationToken())).toBeNull()
  await revokeInvitation(world.ctx, {
    teamId: world.teamId,
    slug: world.slug,
    invitationId,
    actorUserId: world.ownerId,
  })
  expect(await findInvitingTeam(world.ctx, token)).toBeNull()
  expect(invitationOfPath(joinUrl(token))).toBe(token)
  expect([invitationOfPath('/t/join/short'), invitationOfPath('/t/new')]).toEqual([null, null])
})

test('a name with line breaks forges no line of a letter', () => {
  const { subject, text } = invitationMail({
    teamName: 'A\r\nBcc: x@example.org',
    invitedBy: 'B\nhttps://evil.example',
    role: 'member',
    url: 'https://keys.example.org/t/join/x',
    days: 7,
  })
  expect(subject).toBe('An invitation to a team on Keymint')
  expect(text.split('\n')[0]).toBe(
    'B https://evil.example invites you to the team “A Bcc: x@example.org” on Keymint, as a member.',
  )
})

test('a forecast goes by the last seven days and today, and says nothing when money lasts or nothing was spent', () => {
  const now = new Date('2026-11-10T12:00:00Z')
  const facts = {
    now,
    since: new Date('2026-11-01T00:00:00Z'),
    until: new Date('2026-12-01T00:00:00Z'),
  }
  expect(forecastEnd({ ...facts, left: 20n, lately: 13n })?.toISOString()).toBe(
    '2026-11-20T12:00:00.000Z',
  )
  expect(forecastEnd({ ...facts, left: 100n, lately: 13n })).toBeNull()
  expect(forecastEnd({ ...facts, left: 20n, lately: 0n })).toBeNull()
  expect(forecastEnd({ ...facts, left: 0n, lately: 13n })).toBeNull()
})

test('the life of a key counts from now, and the end of the month is in UTC', () => {
  const now = new Date('2026-12-31T23:30:00Z')
  expect(lifeEnd('7d', now).toISOString()).toBe('2027-01-07T23:30:00.000Z')
  expect(lifeEnd('month-end', now).toISOString()).toBe('2027-01-01T00:00:00.000Z')
})
