/**
 * A bit of everything that Keymint keeps, made by the domain's own functions: what a dump of a
 * release holds, and what must hold of it after every later migration.
 */
import { createHash } from 'node:crypto'
import { chainAudit } from '~/domain/audit/chain.server'
import { askForMore } from '~/domain/claim/limit-requests.server'
import { claimKey } from '~/domain/claim/claim.server'
import { endWorkshop } from '~/domain/claim/end-workshop.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { keepSpares } from '~/domain/claim/spares.server'
import { decideRequest, requestMore } from '~/domain/money/budget-requests.server'
import { setBudget } from '~/domain/money/budgets.server'
import { monthOf } from '~/domain/money/month'
import { setTopUp } from '~/domain/money/top-ups.server'
import { banPerson } from '~/domain/people/ban.server'
import { erasePerson } from '~/domain/people/erase.server'
import { startSession } from '~/domain/people/session.server'
import { pauseQueue } from '~/domain/operations/paused-queues.server'
import { foldCounters } from '~/domain/operations/counters.server'
import { watchAlerts } from '~/domain/operations/alert-watch.server'
import { invite } from '~/domain/team/invitations.server'
import { postAnnouncement } from '~/domain/workshop/announcements.server'
import { receiveAlerts } from './alert-receiver'
import { act, mintAll, readyClaims, spend } from './claims'
import { letSettle, readAll, work } from './engine'
import { openTeam, openTeamWithServices } from './team'
import { makeWorkshop, usd, type World } from './world'

/** Opens what the dumps seal, and nothing else anywhere. */
export const dumpKey = createHash('sha256').update('The demo key of the dumps of releases').digest()
/** Who is banned and erased in every dump. */
export const bannedPerson = { userId: 'github:4242', emailNormalized: 'banned@example.org' }

const slug = 'test-workshop'
const staff = 'github:staff'

export const dumpWorkshops = () => [
  makeWorkshop({
    keyLimitReset: null,
    marketingOptIn: 'Tell me about the next one.',
    maxKeys: 12,
    waitlist: true,
    askForMore: true,
  }),
  makeWorkshop({ slug: 'ended-workshop', title: 'One that staff have ended', premint: 2 }),
]

/** Fills a world whose workshops are `dumpWorkshops()` and whose key is `dumpKey`. */
export async function seedRelease(world: World): Promise<void> {
  await receiveAlerts(world)
  await seedWorkshop(world)
  await seedEndedWorkshop(world)
  await seedTeams(world)
  await seedStaff(world)
  await readAll(world)
  await work(world)
  await foldCounters(world.ctx)
  await chainAudit(world.ctx)
}

async function seedWorkshop(world: World): Promise<void> {
  const { ctx } = world
  const claims = await readyClaims(world, 7)
  for (const [index, { hash }] of claims.entries()) await spend(world, hash, index * 0.31)
  // Nothing but a cent is left of this one.
  await spend(world, claims[2]!.hash, 1.37)
  await readAll(world)
  const [, , , disabled, raised, replaced, revoked] = claims
  await act(world, { kind: 'disable' }, [disabled!])
  await act(world, { kind: 'set-limit', limit: usd(3) }, [raised!])
  await act(world, { kind: 're-issue' }, [replaced!])
  await act(world, { kind: 'revoke', mayClaimAgain: false }, [revoked!])
  await work(world)
  await askForMore(
    ctx,
    { workshopSlug: slug, userId: claims[2]!.userId },
    { more: usd(1), reason: 'One more experiment' },
  )
  const [banned] = await world.people(1, bannedPerson)
  await banPerson(ctx, { userId: banned!.userId, reason: 'A bot.', actorUserId: staff })
  await erasePerson(ctx, { userId: banned!.userId, because: 'asked' })
  // One who was refused by the provider, and people who wait: for their key, and for a seat.
  await world.faults({ rules: [{ match: 'POST /keys', fault: 'refuse', status: 400 }] })
  const [refused] = await world.people(1)
  await claimKey(ctx, { workshopSlug: slug, person: refused!, optIn: true })
  await mintAll(world)
  await world.clearFaults()
  for (const person of await world.people(8))
    await claimKey(ctx, { workshopSlug: slug, person, optIn: true })
  await startSession(ctx, { userId: claims[0]!.userId, provider: 'github', userAgent: 'a browser' })
}

async function seedEndedWorkshop(world: World): Promise<void> {
  const { ctx } = world
  const workshopSlug = 'ended-workshop'
  await keepSpares(ctx)
  await mintAll(world)
  const people = await world.people(3)
  for (const person of people) await claimKey(ctx, { workshopSlug, person, optIn: false })
  await mintAll(world)
  const { userId } = people[0]!
  const { claimId } = await world.db.workshopAttendance.findFirstOrThrow({ where: { userId } })
  await giveBack(ctx, { claimId, userId })
  await endWorkshop(ctx, { slug: workshopSlug, actorUserId: staff, reason: 'It is over.' })
}

async function seedTeams(world: World): Promise<void> {
  const { ctx } = world
  const team = await openTeamWithServices(world)
  const accounts = [await team.depositLiteLlm(), await team.depositOpenRouter()]
  const keys: string[] = []
  for (const account of accounts) {
    keys.push(await team.provision(account, { cap: usd(20), reset: 'monthly' }))
    keys.push(await team.provision(account, { cap: usd(5) }))
  }
  await work(world)
  const rows = await Promise.all(keys.map((id) => team.keyRow(id)))
  await team.sim('POST', 'spend', { hash: rows[0]!.hash, usd: 3.75 })
  await spend(world, rows[2]!.hash!, 7.5)
  await spend(world, rows[3]!.hash!, 1.25)
  await readAll(world)
  await team.changeCap(keys[2]!, usd(30))
  await team.endKey(keys[3]!)
  await letSettle(world)

  const other = await openTeam(world, { slug: 'b-team', members: 2, budget: 100 })
  const { teamId, ownerId, memberIds } = other
  const [first, second] = memberIds.map((userId) => ({ teamId, userId }))
  const change = { budget: usd(40), reason: 'a year of work' }
  await setBudget(ctx, first!, { ...change, effective: 'now' }, ownerId)
  await setBudget(ctx, first!, { ...change, budget: usd(60), effective: 'next-month' }, ownerId)
  const topUp = { amount: usd(15), was: 0n, reason: 'a demo', month: monthOf(ctx.now()) }
  await setTopUp(ctx, first!, topUp, ownerId)
  await requestMore(ctx, first!, { more: usd(10), reason: 'please' })
  await requestMore(ctx, second!, { more: usd(5), reason: 'please' })
  const asked = await world.db.budgetRequest.findFirstOrThrow({
    where: { userId: first!.userId },
  })
  await decideRequest(ctx, {
    teamId,
    requestId: asked.id,
    actorUserId: ownerId,
    decision: 'approved',
    reason: 'yes',
    once: false,
  })
  await invite(ctx, {
    teamId,
    slug: other.slug,
    role: 'member',
    email: 'new@example.org',
    actorUserId: ownerId,
  })
}

async function seedStaff(world: World): Promise<void> {
  const { ctx } = world
  await postAnnouncement(ctx, {
    slug,
    actorUserId: staff,
    line: 'Lunch is at noon.',
    end: { minutes: 30 },
  })
  await pauseQueue(ctx, {
    name: 'make-receipt',
    actorUserId: staff,
    reason: 'The provider is down.',
    typed: 'make-receipt',
  })
  await world.db.backup.create({
    data: { startedAt: ctx.now(), file: 'keymint-20261128T024100Z.sql.gz', bytes: 1, rows: 1 },
  })
  // Nobody gets a key any more, no worker is there: somebody is told.
  await watchAlerts(ctx)
  await world.travel(120_000)
  await watchAlerts(ctx)
}
