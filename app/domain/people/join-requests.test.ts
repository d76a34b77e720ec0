/** Joining two accounts that organizers were asked about: requests and grants stay with the person. */
import { expect, test } from 'vitest'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { askForAccess, decideRequests } from '~/domain/claim/access.server'
import type { Claimant } from '~/domain/claim/admission'
import { claimKey } from '~/domain/claim/claim.server'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { resolveAttendee } from './account.server'
import { exportPerson } from './export.server'
import { joinAccounts } from './join-accounts.server'
import { startSession } from './session.server'

const slug = 'test-workshop'
const roster = { logins: new Set(['somebody']), hashes: new Set<string>() }
const openClosed = () => openWorld({ workshops: [makeWorkshop({ roster })] })

/** One person with two accounts, who has just gone from the first to the second in one browser. */
async function twoAccounts(world: World, email: string) {
  const identity = (provider: 'github' | 'google'): ProviderIdentity => ({
    provider,
    providerUserId: String(email.length),
    login: provider === 'github' ? email.split('@')[0]! : null,
    name: 'Ada',
    email,
    avatarUrl: null,
    emailIsAuthoritative: false,
    accountCreatedAt: null,
  })
  let replacesToken: string | null = null
  const people: Claimant[] = []
  for (const provider of ['github', 'google'] as const) {
    const { userId } = await resolveAttendee(world.ctx, identity(provider))
    const session = { userId, provider, userAgent: null, replacesToken }
    replacesToken = await startSession(world.ctx, session)
    people.push({
      userId,
      provider,
      displayName: 'Ada',
      emailNormalized: email,
      banned: null,
      githubAccountCreatedAt: null,
    })
  }
  const [first, second] = people as [Claimant, Claimant]
  return { first, second, token: replacesToken! }
}

const ask = (world: World, person: Claimant, note: string) =>
  askForAccess(world.ctx, { workshopSlug: slug, person, note })
const open = (world: World) => world.db.accessRequest.findMany({ where: { state: 'open' } })
const grantOpen = async (world: World) =>
  decideRequests(world.ctx, {
    workshopSlug: slug,
    actorUserId: 'github:staff',
    ids: (await open(world)).map(({ id }) => id),
    decision: 'granted',
    from: 'open',
  })

test('a request moves to the account that stays, and one person has one open request', async () => {
  await using world = await openClosed()
  for (const [email, askers] of [
    ['ada@example.org', ['second']],
    ['grace@example.org', ['first', 'second']],
  ] as const) {
    const pair = await twoAccounts(world, email)
    for (const asker of askers) await ask(world, pair[asker], `from the ${asker} account`)
    expect(await joinAccounts(world.ctx, pair.token)).toEqual({ kind: 'joined' })
    const mine = (await open(world)).filter(({ userId }) => userId === pair.first.userId)
    expect(mine.map(({ note }) => note)).toEqual([`from the ${askers[0]} account`])
    // A page of the account that is gone, in another tab.
    expect(await ask(world, pair.second, 'again')).toEqual({ kind: 'not-needed' })
  }
})

test('who was let in with one account is let in with the account that stays', async () => {
  await using world = await openClosed()
  for (const [email, askers] of [
    ['ada@example.org', ['second']],
    ['grace@example.org', ['first', 'second']],
  ] as const) {
    const pair = await twoAccounts(world, email)
    for (const asker of askers) await ask(world, pair[asker], 'let me in')
    await grantOpen(world)
    expect(await joinAccounts(world.ctx, pair.token)).toEqual({ kind: 'joined' })
    const mark = pair.first.userId
    expect(await world.db.accessGrant.count({ where: { mark, revokedAt: null } })).toBe(1)
    expect(await world.db.accessGrant.count({ where: { mark: pair.second.userId } })).toBe(0)
    const claimed = await claimKey(world.ctx, {
      workshopSlug: slug,
      person: pair.first,
      optIn: false,
    })
    expect(claimed.kind).toBe('queued')
  }
})

test('an export has nothing of the session that the same browser had before', async () => {
  await using world = await openClosed()
  const { second, first } = await twoAccounts(world, 'ada@example.org')
  let file = ''
  for await (const piece of await exportPerson(world.ctx, second.userId)) file += piece
  const [before] = await world.db.session.findMany({ where: { userId: first.userId } })
  expect(before!.endedAt).not.toBeNull()
  expect(file).not.toContain(before!.tokenHash)
  expect(file).not.toContain('earlierTokenHash')
})
