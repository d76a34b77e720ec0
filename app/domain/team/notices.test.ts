/** What teams tell their people: once, by choice, and never to who has left. */
import { expect, test } from 'vitest'
import { createAlerts } from '~/adapters/alert-channels.server'
import type { Mail } from '~/adapters/mail.server'
import { createOutbound } from '~/adapters/outbound.server'
import { alertPost } from '~/messages/alert-posts'
import { made, oneMember, ref, usd, use, day } from '../../../tests/ledger'
import { openReceiver } from '../../../tests/receiver'
import type { TeamWorld } from '../../../tests/team'
import { thisMachine } from '../../../tests/this-machine'
import { deliverDue } from '../alerts/deliver.server'
import { decideRequest, requestMore } from '../money/budget-requests.server'
import { setBudget } from '../money/budgets.server'
import { erasePerson } from '../people/erase.server'
import { addHook, readNoticePage, removeHook, setOwnMail, testHook } from './notice-page.server'
import { reachTeam } from './notice-reach.server'
import { watchTeams } from './notice-watch.server'
import { makeServiceAccount } from './service-accounts.server'
import { provisionSubKey } from './sub-key.server'
import { removeMember } from './team.server'

async function openMail(world: TeamWorld) {
  const sent: Mail[] = []
  const mailer = {
    send: () => Promise.resolve(true),
    post: (mail: Mail) => {
      sent.push(mail)
      return Promise.resolve({ accepted: true, code: 250, text: 'ok' })
    },
  }
  world.ctx.mailer = mailer
  world.ctx.alerts = createAlerts(
    {
      webhook: null,
      slackUrl: null,
      mailTo: [],
      quietHours: null,
      appOrigin: 'https://keys.example.org',
    },
    createOutbound({ networks: thisMachine }),
    mailer,
  )
  const people = await world.db.attendee.findMany({ select: { userId: true, email: true } })
  const addresses = new Map(people.map(({ userId, email }) => [userId, email]))
  return {
    sent,
    /** Judges, delivers, and says what this person was mailed since the last time. */
    async round(userId: string) {
      await world.travel(60_000)
      await watchTeams(world.ctx)
      await deliverDue(world.ctx, delivering)
      const own = sent.filter(({ to }) => to === addresses.get(userId))
      const titles = own.map(({ subject }) => subject.replace('[Keymint] ', ''))
      for (const mail of own) sent.splice(sent.indexOf(mail), 1)
      return titles
    },
  }
}

const delivering = {
  compose: (message: Parameters<typeof alertPost>[0]) =>
    alertPost(message, 'https://keys.example.org'),
  reach: reachTeam,
}
const place = (world: TeamWorld) => ({
  teamId: world.teamId,
  slug: world.slug,
  name: 'A team for tests',
  role: 'owner' as const,
  state: 'active' as const,
})

test('a request is told to owners and not to who asked, its decision to the member alone', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const { userId } = ref(world)
  await requestMore(world.ctx, ref(world), { more: usd(5), reason: 'WIN http://evil.example' })
  expect(await mail.round(userId)).toEqual([])
  const [told] = mail.sent
  expect(told?.subject).toBe('[Keymint] A member requests a higher budget')
  expect(told?.text).toContain('$5.00 more a month')
  expect(told?.text).toContain(`https://keys.example.org/t/${world.slug}/members`)
  expect(told?.text, 'no text of a sender').not.toContain('evil')
  expect(await mail.round(world.ownerId)).toHaveLength(1)
  expect(await mail.round(world.ownerId), 'once').toEqual([])
  const asked = await world.db.budgetRequest.findFirstOrThrow()
  await decideRequest(world.ctx, {
    teamId: world.teamId,
    requestId: asked.id,
    actorUserId: world.ownerId,
    decision: 'approved',
    reason: 'fine',
  })
  expect(await mail.round(userId)).toEqual(['A budget request is approved'])
  expect(mail.sent, 'the end of a request is its decision').toEqual([])
  expect(await mail.round(userId)).toEqual([])
})

test('a budget is told at 80 % and when it is spent, and resolved when it is raised', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const { userId } = ref(world)
  const keyId = await made(world, { cap: 10 })
  await use(world, keyId, 7.9)
  expect(await mail.round(userId)).toEqual([])
  await use(world, keyId, 0.2)
  expect(await mail.round(userId)).toEqual(['Warning: 80 % of a budget is spent'])
  expect(await mail.round(userId)).toEqual([])
  await use(world, keyId, 1.9)
  expect(await mail.round(userId)).toEqual(['Error: A budget is spent'])
  await setBudget(
    world.ctx,
    ref(world),
    { budget: usd(40), effective: 'now', reason: 'more' },
    world.ownerId,
  )
  expect(await mail.round(userId)).toEqual(['Resolved: A budget is spent'])
  expect(mail.sent, 'owners have not asked for it').toEqual([])
  await world.setClock(new Date('2026-12-01T00:10:00Z'))
  expect(await mail.round(userId), 'a month that is over').toEqual([])
})

test('a budget that is spent in one month says nothing about it in the next one', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const keyId = await made(world, { cap: 10, reset: 'monthly' })
  await use(world, keyId, 9)
  expect(await mail.round(ref(world).userId)).toHaveLength(1)
  await world.setClock(new Date('2026-12-01T00:10:00Z'))
  await world.sweep()
  expect(await mail.round(ref(world).userId)).toEqual([])
})

test('a pace that does not reach the end of the month is told once', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const { userId } = ref(world)
  const keyId = await made(world, { cap: 10 })
  await world.travel(5 * day)
  await use(world, keyId, 3)
  expect(await mail.round(userId)).toEqual([
    'Warning: A budget is likely to be spent before the month ends',
  ])
  // A slow day takes the forecast back, and a fast one brings it again.
  await world.travel(12 * day)
  expect(await mail.round(userId)).toEqual([])
  await world.travel(day)
  expect(await mail.round(userId)).toEqual([
    'Resolved: A budget is likely to be spent before the month ends',
  ])
  await use(world, keyId, 4)
  expect(await mail.round(userId), 'once a month').toEqual([])
})

test('a key that ends is told a week and a day before, and not one made for a day', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const { userId } = ref(world)
  await made(world, { cap: 1, lifeMs: 20 * day })
  expect(await mail.round(userId)).toEqual([])
  await made(world, { cap: 1, lifeMs: day })
  expect(await mail.round(userId), 'made for a day').toEqual([])
  await world.travel(13.5 * day)
  expect(await mail.round(userId)).toEqual(['Warning: A key ends within a week'])
  await world.travel(5.8 * day)
  expect(await mail.round(userId)).toEqual(['Warning: A key ends within a day'])
  await world.travel(day)
  await world.sweep()
  expect(await mail.round(userId), 'its end is no news').toEqual([])
})

test('what is a service account’s own goes to the owners, who may choose to get none of it', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const { ctx, teamId, slug, ownerId, masterKeyId } = world
  const account = await makeServiceAccount(ctx, {
    teamId,
    slug,
    actorUserId: ownerId,
    name: 'CI',
    budget: usd(10),
  })
  if (account.kind !== 'made') throw new Error(account.reason)
  const asked = await provisionSubKey(ctx, {
    teamId,
    userId: account.userId,
    actorUserId: ownerId,
    masterKeyId,
    purpose: 'builds',
    cap: usd(10),
    reset: null,
    expiresAt: new Date(ctx.now().getTime() + 20 * day),
    models: [],
  })
  if (asked.kind !== 'queued') throw new Error(asked.reason)
  await world.mint(asked.keyId)
  await use(world, asked.keyId, 8.5)
  expect(await mail.round(ownerId)).toEqual(['Warning: 80 % of a budget is spent'])
  expect(mail.sent, 'nobody else').toEqual([])
  await world.travel(14 * day)
  expect(await mail.round(ownerId)).toContain('Warning: A key ends within a week')
  await setOwnMail(ctx, { teamId, userId: ownerId, role: 'owner' }, ['decisions'])
  await use(world, asked.keyId, 1.5)
  expect(await mail.round(ownerId)).toEqual([])
})

test('a refused credential is told to owners after a minute, and resolved', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  await made(world, { cap: 1 })
  const set = (closedSince: Date | null) =>
    world.db.account.updateMany({
      where: { id: world.masterKeyId },
      data: {
        closedSince,
        cooldownUntil: closedSince && new Date(closedSince.getTime() + 600_000),
        reason: closedSince && 'unauthorized',
      },
    })
  await set(world.ctx.now())
  expect(await mail.round(world.ownerId), 'a blip').toEqual([])
  expect(await mail.round(world.ownerId)).toEqual(['Error: A provider refuses a credential'])
  await set(null)
  expect(await mail.round(world.ownerId)).toEqual([])
  await mail.round(world.ownerId)
  expect(await mail.round(world.ownerId)).toEqual(['Resolved: A provider refuses a credential'])
  expect(mail.sent, 'members are not told').toEqual([])
})

test('each person chooses; whoever left, was suspended or erased is sent nothing', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const { userId } = ref(world)
  const keyId = await made(world, { cap: 10 })
  await setOwnMail(world.ctx, { ...ref(world), role: 'member' }, ['decisions', 'requests'])
  await setOwnMail(world.ctx, { teamId: world.teamId, userId: world.ownerId, role: 'owner' }, [
    'team-budgets',
  ])
  await use(world, keyId, 9)
  expect(await mail.round(userId), 'not chosen').toEqual([])
  expect(await mail.round(world.ownerId)).toEqual(['Warning: 80 % of a budget is spent'])
  const told = await world.db.alertDelivery.findMany()
  expect(told.map(({ address }) => address)).toEqual([`user:${world.ownerId}`])
  expect((await readNoticePage(world.ctx, place(world), userId)).deliveries).toEqual([])

  // Decided and waiting when they leave.
  await setOwnMail(world.ctx, { ...ref(world), role: 'member' }, ['own-budget'])
  await use(world, keyId, 1)
  await world.travel(60_000)
  await watchTeams(world.ctx)
  await removeMember(world.ctx, ref(world), world.ownerId, 'left')
  await deliverDue(world.ctx, delivering)
  expect(mail.sent, 'to the owner alone').toHaveLength(1)
  const last = await world.db.alertDelivery.findFirstOrThrow({
    where: { address: `user:${userId}` },
  })
  expect(last).toMatchObject({ state: 'failed', reason: 'not-configured' })
  await world.letSettle()
  await erasePerson(world.ctx, { userId, because: 'asked' })
  expect(await world.db.alertDelivery.count({ where: { address: `user:${userId}` } })).toBe(0)
  expect(JSON.stringify(await world.db.alert.findMany())).not.toContain(userId)
})

test('a webhook is signed with a secret that is shown once, and ends with its maker', async () => {
  await using world = await oneMember(10)
  await openMail(world)
  await using receiver = await openReceiver()
  const owner = { teamId: world.teamId, slug: world.slug, actorUserId: world.ownerId }
  const url = `${receiver.url}/hook/token-in-the-path`
  const add = () => addHook(world.ctx, { ...owner, channel: 'webhook', url })
  const [one, two] = await Promise.all([add(), add()])
  expect([one.kind, two.kind].sort()).toEqual(['added', 'refused'])
  expect(
    await addHook(world.ctx, { ...owner, channel: 'slack', url: 'https://169.254.169.254/x' }),
  ).toEqual({ kind: 'refused', reason: 'private-address' })
  await expect(
    addHook(world.ctx, { ...owner, actorUserId: ref(world).userId, channel: 'slack', url }),
  ).rejects.toThrow('not an active owner')

  const page = await readNoticePage(world.ctx, place(world), world.ownerId)
  const [hook] = page.hooks!
  expect(await testHook(world.ctx, place(world), world.ownerId, hook!.id)).toBe(true)
  await deliverDue(world.ctx, delivering)
  const [got] = receiver.received
  expect(got?.path).toBe('/hook/token-in-the-path')
  expect(got?.headers['keymint-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/)
  const after = await readNoticePage(world.ctx, place(world), world.ownerId)
  expect(after.deliveries[0]).toMatchObject({ state: 'sent', status: 200, event: 'test' })
  for (const secret of ['token-in-the-path', one.kind === 'added' ? one.secret! : ''])
    expect(JSON.stringify([after, await world.db.teamHook.findMany()])).not.toContain(
      secret || 'token-in-the-path',
    )

  await requestMore(world.ctx, ref(world), { more: usd(5), reason: 'please' })
  await world.travel(60_000)
  await watchTeams(world.ctx)
  await deliverDue(world.ctx, delivering)
  expect(receiver.received.at(-1)?.json).toMatchObject({
    event: 'raised',
    title: 'A member requests a higher budget',
    alert: { kind: 'request', team: world.slug },
  })
  // Not an owner any more: nothing goes there, and another owner sees why.
  const seen = receiver.received.length
  await world.db.teamMember.updateMany({
    where: { userId: world.ownerId },
    data: { role: 'member' },
  })
  await world.db.alertDelivery.updateMany({ data: { state: 'waiting' } })
  await deliverDue(world.ctx, delivering)
  expect(receiver.received).toHaveLength(seen)
  const ended = await readNoticePage(world.ctx, place(world), world.ownerId)
  expect(ended.hooks).toMatchObject([{ ended: true }])
  await world.db.teamMember.updateMany({
    where: { userId: world.ownerId },
    data: { role: 'owner' },
  })
  expect(await removeHook(world.ctx, { ...owner, id: hook!.id })).toBe(true)
  expect(await removeHook(world.ctx, { ...owner, id: hook!.id })).toBe(false)
})

test('a team in which nothing changes costs no transaction, and many workers tell once', async () => {
  await using world = await oneMember(10)
  const mail = await openMail(world)
  const keyId = await made(world, { cap: 10 })
  await use(world, keyId, 9)
  await world.travel(60_000)
  const rounds = await Promise.all(Array.from({ length: 4 }, () => watchTeams(world.ctx)))
  expect(rounds.filter((found) => found !== null)).toEqual([1])
  await deliverDue(world.ctx, delivering)
  expect(mail.sent).toHaveLength(1)
  expect(await watchTeams(world.ctx), 'judged a moment ago').toBe(null)
  await world.travel(60_000)
  expect(await watchTeams(world.ctx)).toBe(0)
})
