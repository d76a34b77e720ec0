/**
 * Who a provider's identity belongs to. Guarantee: an identity (provider, id) belongs to one
 * attendee for ever; no change of email, login or name moves it, and an attendee never has two
 * identities of one provider. The keys of keymint.identities hold this, not this code.
 */
import { invariant } from '@epic-web/invariant'
import type { Tx } from '~/adapters/db.server'
import type { ProviderIdentity } from '~/adapters/identity-provider'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { normalizeEmail } from './email'

export type ResolvedAttendee = { userId: string; linked: boolean; created: boolean }

type Mailbox = { email: string | null; emailNormalized: string | null }

/**
 * Finds, links or makes the attendee of an identity, in one transaction. Safe to run many times at
 * once. `currentUserId` is who is signed in at this browser now: it allows to link a second
 * provider, and nothing else.
 */
export async function resolveAttendee(
  ctx: Pick<Ctx, 'db'>,
  identity: ProviderIdentity,
  currentUserId?: string,
): Promise<ResolvedAttendee> {
  const mailbox = verifiedMailbox(identity)
  return ctx.db.$transaction(async (tx) => {
    // Always the identity first and the mailbox second, so that two sign-ins cannot deadlock.
    await lockIdentity(tx, identity)
    if (mailbox.emailNormalized) await lock(tx, `mailbox:${mailbox.emailNormalized}`)

    const known = await refreshIdentity(tx, identity, mailbox)
    if (known) {
      await refreshAttendee(tx, known, identity, mailbox)
      return { userId: known, linked: false, created: false }
    }

    // Staff may be making an attendee for this identity right now: wait for it and join it.
    const host = (await isAwaited(tx, ownUserId(identity)))
      ? null
      : await findAccountToJoin(tx, identity, mailbox, currentUserId)
    if (host) {
      await insertIdentity(tx, host, identity, mailbox)
      await tx.$executeRaw`update keymint.attendees set last_seen_at = now() where user_id = ${host}`
      await recordAudit(tx, {
        actor: `user:${host}`,
        action: 'identity.linked',
        subject: `user:${host}`,
        details: {
          provider: identity.provider,
          providerUserId: identity.providerUserId,
          because:
            host === currentUserId ? 'signed-in-with-the-first' : 'provider-runs-the-mailbox',
        },
      })
      return { userId: host, linked: true, created: false }
    }

    const userId = ownUserId(identity)
    const created = await insertAttendee(tx, userId, identity, mailbox)
    await insertIdentity(tx, userId, identity, mailbox)
    if (created)
      await recordAudit(tx, {
        actor: `user:${userId}`,
        action: 'attendee.created',
        subject: `user:${userId}`,
        details: { provider: identity.provider },
      })
    else await refreshAttendee(tx, userId, identity, mailbox)
    return { userId, linked: false, created }
  })
}

/**
 * The attendee of a GitHub account that may never have signed in: its first sign-in finds what staff
 * did for it. By the numeric id alone: a login can be renamed, and reused by somebody else.
 */
export async function attendeeOfGithubId(tx: Tx, githubId: string): Promise<string> {
  await lock(tx, `identity:github:${githubId}`)
  const [known] = await tx.$queryRaw<
    { user_id: string }[]
  >`select user_id from keymint.identities where provider = 'github' and provider_user_id = ${githubId}`
  if (known) return known.user_id
  const userId = `github:${githubId}`
  await tx.$executeRaw`
    insert into keymint.attendees (user_id, display_name, auth_provider)
      values (${userId}, ${`GitHub account ${githubId}`}, 'github') on conflict (user_id) do nothing`
  return userId
}

async function isAwaited(tx: Tx, userId: string): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from keymint.attendees a where a.user_id = ${userId}
      and not exists (select 1 from keymint.identities i where i.user_id = a.user_id)`
  return rows.length > 0
}

/** The attendee of an identity that joins no other account. */
function ownUserId(identity: ProviderIdentity): string {
  return `${identity.provider}:${identity.providerUserId}`
}

/** An address that cannot be compared cannot be limited to one claim: it counts as none. */
function verifiedMailbox(identity: ProviderIdentity): Mailbox {
  const emailNormalized = identity.email === null ? null : normalizeEmail(identity.email)
  return emailNormalized === null
    ? { email: null, emailNormalized: null }
    : { email: identity.email, emailNormalized }
}

/** Held until the end of the transaction: readers that then write an identity take turns. */
export async function lockIdentity(
  tx: Tx,
  identity: { provider: string; providerUserId: string },
): Promise<void> {
  await lock(tx, `identity:${identity.provider}:${identity.providerUserId}`)
}

async function lock(tx: Tx, name: string): Promise<void> {
  await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`
}

/** Stores what the provider says now; null if nobody has this identity yet. */
async function refreshIdentity(
  tx: Tx,
  identity: ProviderIdentity,
  mailbox: Mailbox,
): Promise<string | null> {
  const rows = await tx.$queryRaw<{ user_id: string }[]>`
    update keymint.identities
    set login = ${identity.login}, email = ${mailbox.email}, email_normalized = ${mailbox.emailNormalized},
      display_name = ${identity.name},
        avatar_url = ${identity.avatarUrl},
          account_created_at = coalesce(${identity.accountCreatedAt}::timestamptz, account_created_at),
          last_used_at = now()
    where provider = ${identity.provider} and provider_user_id = ${identity.providerUserId}
    returning user_id`
  return rows[0]?.user_id ?? null
}

/**
 * Name and email of an attendee come from the identity that made it, and from no other while that
 * one is linked. An email that is no longer verified there is cleared: it may belong to somebody
 * else by now, and it may carry a role.
 */
async function refreshAttendee(
  tx: Tx,
  userId: string,
  identity: ProviderIdentity,
  mailbox: Mailbox,
): Promise<void> {
  await tx.$executeRaw`update keymint.attendees set last_seen_at = now() where user_id = ${userId}`
  const namesIt =
    userId === ownUserId(identity) ||
    (await tx.identity.count({
      where: { userId, provider: userId.split(':')[0], providerUserId: userId.split(/:(.*)/s)[1] },
    })) === 0
  if (namesIt)
    await takeNameFrom(tx, userId, {
      ...mailbox,
      displayName: identity.name,
      avatarUrl: identity.avatarUrl,
    })
}

/** Gives an attendee the name and email of one of its identities. */
export async function takeNameFrom(
  tx: Tx,
  userId: string,
  identity: Mailbox & { displayName: string; avatarUrl: string | null },
): Promise<void> {
  await tx.$executeRaw`
    update keymint.attendees
    set email = ${identity.email}, email_normalized = ${identity.emailNormalized},
      display_name = ${identity.displayName}, avatar_url = ${identity.avatarUrl}
    where user_id = ${userId}`
}

/**
 * The account of the same mailbox that this identity may join: the one signed in at this browser,
 * or the only one there is if the provider runs the mailbox. With two to choose from, neither.
 */
async function findAccountToJoin(
  tx: Tx,
  identity: ProviderIdentity,
  mailbox: Mailbox,
  currentUserId: string | undefined,
): Promise<string | null> {
  if (!mailbox.emailNormalized) return null
  const candidates = await tx.$queryRaw<{ user_id: string }[]>`
    select distinct i.user_id from keymint.identities i
    where i.email_normalized = ${mailbox.emailNormalized}
      and not exists (select 1 from keymint.identities other where other.user_id = i.user_id
        and other.provider = ${identity.provider})`
  if (candidates.some((candidate) => candidate.user_id === currentUserId))
    return currentUserId ?? null
  const [only, ...others] = candidates
  return identity.emailIsAuthoritative && only && others.length === 0 ? only.user_id : null
}

async function insertAttendee(
  tx: Tx,
  userId: string,
  identity: ProviderIdentity,
  mailbox: Mailbox,
): Promise<boolean> {
  const inserted = await tx.$executeRaw`
    insert into keymint.attendees (user_id, email, email_normalized, display_name, avatar_url, auth_provider)
    values (${userId}, ${mailbox.email}, ${mailbox.emailNormalized}, ${identity.name}, ${identity.avatarUrl},
      ${identity.provider})
    on conflict (user_id) do nothing`
  return inserted === 1
}

async function insertIdentity(
  tx: Tx,
  userId: string,
  identity: ProviderIdentity,
  mailbox: Mailbox,
): Promise<void> {
  const inserted = await tx.$executeRaw`
    insert into keymint.identities (provider, provider_user_id, user_id, login, email, email_normalized,
      display_name, avatar_url, account_created_at)
    values (${identity.provider}, ${identity.providerUserId}, ${userId}, ${identity.login}, ${mailbox.email},
      ${mailbox.emailNormalized},
            ${identity.name}, ${identity.avatarUrl}, ${identity.accountCreatedAt}::timestamptz)`
  invariant(inserted === 1, 'an identity is written once')
}
