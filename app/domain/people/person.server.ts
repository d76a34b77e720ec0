/**
 * What a person sees of, and changes about, themselves. Every change is audited in its own
 * transaction.
 */
import type { Tx } from '~/adapters/db.server'
import type { Provider } from '~/adapters/identity-provider'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { takeNameFrom } from './account.server'
import { findErasureBlocks, type ErasureBlock } from './erase.server'
import { hold, marksOf, workshopsToHold, type HeldClaim, type Marked } from './holds.server'

export type LinkedSignIn = {
  provider: Provider
  login: string | null
  email: string | null
  linkedAt: string
  lastUsedAt: string
}
export type PersonView = {
  displayName: string
  email: string | null
  signIns: LinkedSignIn[]
  /** Null when there is nothing to withdraw. */
  optIn: { since: string; workshopSlug: string | null } | null
  erasureBlocks: ErasureBlock[]
}

export async function readPerson(
  ctx: Pick<Ctx, 'db' | 'now'>,
  userId: string,
): Promise<PersonView> {
  const [person, blocks] = await Promise.all([
    ctx.db.attendee.findUniqueOrThrow({
      where: { userId },
      include: { identities: { orderBy: { linkedAt: 'asc' } } },
    }),
    findErasureBlocks(ctx, ctx.db, userId),
  ])
  return {
    displayName: person.displayName,
    email: person.email,
    signIns: person.identities.map((identity) => ({
      provider: identity.provider === 'google' ? 'google' : 'github',
      login: identity.login,
      email: identity.email,
      linkedAt: identity.linkedAt.toISOString(),
      lastUsedAt: identity.lastUsedAt.toISOString(),
    })),
    optIn: person.marketingOptedIn
      ? {
          since: (person.marketingOptedInAt ?? person.firstSeenAt).toISOString(),
          workshopSlug: person.marketingOptedInWorkshop,
        }
      : null,
    erasureBlocks: blocks,
  }
}

/**
 * Clears the flag. When and where the person first agreed stays, as proof of consent. False if there
 * was nothing to withdraw.
 */
export async function withdrawOptIn(ctx: Pick<Ctx, 'db'>, userId: string): Promise<boolean> {
  return ctx.db.$transaction(async (tx) => {
    const changed = await tx.$executeRaw`
        update keymint.attendees set marketing_opted_in = false where user_id = ${userId}
          and marketing_opted_in`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${userId}`,
        action: 'marketing.withdrawn',
        subject: `user:${userId}`,
      })
    return changed === 1
  })
}

export type UnlinkOutcome = 'unlinked' | 'the-last-one' | 'signed-in-with-it' | 'not-linked'

/**
 * Disconnects a sign-in from an account that has another, and ends the sessions that it started. Not
 * the one in use: being signed in with the other proves that the other works. A hold keeps the
 * disconnected identity from claiming twice.
 */
export async function unlinkSignIn(
  ctx: Pick<Ctx, 'db' | 'fingerprints' | 'workshops' | 'now'>,
  input: { userId: string; provider: Provider; signedInWith: Provider },
): Promise<UnlinkOutcome> {
  const { userId, provider } = input
  if (provider === input.signedInWith) return 'signed-in-with-it'
  return ctx.db.$transaction(async (tx): Promise<UnlinkOutcome> => {
    await tx.$executeRaw`select 1 from keymint.attendees where user_id = ${userId} for update`
    const identities = await tx.identity.findMany({ where: { userId } })
    const taken = identities.find((identity) => identity.provider === provider)
    const kept = identities.find((identity) => identity.provider !== provider)
    if (!taken) return 'not-linked'
    if (!kept) return 'the-last-one'
    await tx.identity.delete({
      where: {
        provider_providerUserId: { provider: taken.provider, providerUserId: taken.providerUserId },
      },
    })
    if (userId === `${taken.provider}:${taken.providerUserId}`) await takeNameFrom(tx, userId, kept)
    const sessions = await tx.$executeRaw`
        update keymint.sessions set ended_at = now() where user_id = ${userId} and provider = ${provider}
          and ended_at is null`
    await holdUnlinked(ctx, tx, userId, taken)
    await recordAudit(tx, {
      actor: `user:${userId}`,
      action: 'identity.unlinked',
      subject: `user:${userId}`,
      details: { provider, providerUserId: taken.providerUserId, sessionsEnded: sessions },
    })
    return 'unlinked'
  })
}

async function holdUnlinked(
  ctx: Pick<Ctx, 'fingerprints' | 'workshops' | 'now'>,
  tx: Tx,
  userId: string,
  taken: Marked,
): Promise<void> {
  // Signing in with the identity that named the account opens it again.
  if (userId === `${taken.provider}:${taken.providerUserId}`) return
  const claims = await tx.$queryRaw<HeldClaim[]>`
    select workshop_slug as "workshopSlug", state, ended_at as "endedAt", may_claim_again as "mayClaimAgain"
      from keymint.workshop_attendance where user_id = ${userId}`
  for (const place of workshopsToHold(ctx, claims))
    await hold(ctx, tx, { ...place, marks: marksOf(taken), reason: 'unlinked' })
}
