/**
 * Erasure: deletes everything that identifies a person, in one transaction, once nothing of theirs
 * is live (decision 013). What stays: anonymous claims, for the totals of their workshops;
 * fingerprints while the person could claim twice; the audit trail, which holds ids and never names
 * or addresses.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { forgetPerson } from '../alerts/read.server'
import { recordAudit } from '../audit/audit.server'
import { asciiLowerCase } from '../ascii'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { lockIdentity } from './account.server'
import {
  addressMarks,
  hold,
  marksOf,
  workshopsToHold,
  type HeldClaim,
  type Mark,
  type Marked,
} from './holds.server'

/**
 * What must end before somebody can be erased: a claim in a workshop, or a membership in a team
 * with its keys.
 */
export type ErasureBlock =
  | {
      claimId: string
      workshopSlug: string
      kind: 'being-made' | 'live' | 'ending' | 'not-settled'
    }
  | { teamSlug: string; teamName: string; kind: 'in-team' | 'sub-key-not-settled' }
export type ErasureOutcome =
  { kind: 'erased' } | { kind: 'blocked'; blocks: ErasureBlock[] } | { kind: 'no-such-person' }

type ErasureCtx = Pick<Ctx, 'db' | 'fingerprints' | 'workshops' | 'now'>

/** What blocks erasing somebody; empty means it can be done now. */
export async function findErasureBlocks(
  ctx: Pick<Ctx, 'now'>,
  tx: Tx,
  userId: string,
): Promise<ErasureBlock[]> {
  const teams = await tx.$queryRaw<Extract<ErasureBlock, { teamSlug: string }>[]>`
    select t.slug as "teamSlug", t.name as "teamName", case
      when m.state <> 'removed' and t.closed_at is null then 'in-team' else 'sub-key-not-settled' end as kind
    from keymint.team_members m join keymint.teams t on t.id = m.team_id
    where m.user_id = ${userId} and ((m.state <> 'removed' and t.closed_at is null) or exists (
      select 1 from keymint.key_months k join keymint.api_keys a on a.id = k.api_key_id
        where a.team_id = m.team_id and k.user_id = m.user_id and k.committed_usd > 0)
      or (t.closed_at is not null and exists (select 1 from keymint.api_keys a where a.team_id = m.team_id
        and a.user_id = m.user_id and a.state in ('pending', 'ready'))))
    order by t.slug`
  return [...teams, ...(await findClaimBlocks(ctx, tx, userId))]
}

async function findClaimBlocks(
  ctx: Pick<Ctx, 'now'>,
  tx: Tx,
  userId: string,
): Promise<ErasureBlock[]> {
  return tx.$queryRaw<ErasureBlock[]>`
    select * from (
      select c.claim_id as "claimId", c.workshop_slug as "workshopSlug", case
        when c.state = 'pending' then 'being-made'
        when ${liveClaim(ctx.now())} then 'live'
        when c.state = 'ready' then 'ending'
        when exists (select 1 from keymint.keys k where k.holder_kind = 'claim' and k.holder_id = c.claim_id
          and k.saved_at is not null and k.closed_at is null and k.written_off_at is null) then 'not-settled'
        end as kind
      from keymint.workshop_attendance c where c.user_id = ${userId}) standing
    where kind is not null order by kind, "workshopSlug"`
}

/**
 * Erases a person, or returns what is still live. Deletes their identities and all their sessions,
 * including this one.
 */
export async function erasePerson(
  ctx: ErasureCtx,
  input: { userId: string; because: 'asked' | 'retention' },
): Promise<ErasureOutcome> {
  const { userId, because } = input
  return ctx.db.$transaction(async (tx): Promise<ErasureOutcome> => {
    // As a sign-in does: the identity before the rows it writes, so that the two cannot deadlock.
    for (const { provider, providerUserId } of await tx.identity.findMany({
      where: { userId },
      orderBy: [{ provider: 'asc' }, { providerUserId: 'asc' }],
    }))
      await lockIdentity(tx, { provider, providerUserId })
    const [person] = await tx.$queryRaw<{ emailNormalized: string | null; banned: boolean }[]>`
      select email_normalized as "emailNormalized", banned_at is not null as banned from keymint.attendees
        where user_id = ${userId} and erased_at is null and auth_provider <> 'service' for update`
    if (!person) return { kind: 'no-such-person' }
    const blocks = await findErasureBlocks(ctx, tx, userId)
    if (blocks.length > 0) return { kind: 'blocked', blocks }

    const claims = await tx.$queryRaw<(HeldClaim & { emailNormalized: string | null })[]>`
      select workshop_slug as "workshopSlug", state, ended_at as "endedAt", may_claim_again as "mayClaimAgain",
        email_normalized as "emailNormalized" from keymint.workshop_attendance where user_id = ${userId}
        for update`
    const identities = await tx.$queryRaw<(Marked & { login: string | null })[]>`
      delete from keymint.identities where user_id = ${userId}
        returning provider, provider_user_id as "providerUserId", email_normalized as "emailNormalized",
          login`
    // Also the identity that named the account, if it was disconnected: it would make the same
    // account again.
    const marks: Mark[] = [
      `identity:${userId}`,
      ...identities.flatMap(marksOf),
      ...[person, ...claims].flatMap((row) => addressMarks(row.emailNormalized)),
    ]
    await holdMarks(ctx, tx, { claims, banned: person.banned, marks })

    await tx.$executeRaw`
      delete from keymint.limit_requests r using keymint.workshop_attendance c
      where r.claim_id = c.claim_id and c.user_id = ${userId}`
    await tx.$executeRaw`update keymint.invitations set email = null where used_by = ${userId}`
    // A grant of an address is a fingerprint, and names nobody.
    const logins = identities.flatMap(({ login }) => (login === null ? [] : asciiLowerCase(login)))
    await tx.$executeRaw`delete from keymint.access_requests where user_id = ${userId}`
    await tx.$executeRaw`delete from keymint.waitlist where user_id = ${userId}`
    await tx.$executeRaw`
      delete from keymint.access_grants where (kind = 'person' and mark = ${userId})
        or (kind = 'login' and mark = any(${logins}::text[]))`
    // Only closed teams are left: an open one has blocked this.
    await tx.$executeRaw`
      update keymint.team_members set state = 'removed', removed_at = ${ctx.now()}::timestamptz
      where user_id = ${userId} and state <> 'removed'`
    await forgetPerson(tx, userId)
    const sessions = await tx.$executeRaw`delete from keymint.sessions where user_id = ${userId}`
    await tx.$executeRaw`delete from keymint.setup_codes where user_id = ${userId}`
    await tx.$executeRaw`
      update keymint.workshop_attendance set email_normalized = null where user_id = ${userId}`
    // The key of claims follows by their foreign key.
    await tx.$executeRaw`
      update keymint.attendees
        set user_id = ${`erased:${randomUUID()}`}, erased_at = now(), display_name = 'Erased', email = null,
        email_normalized = null, avatar_url = null,
        marketing_opted_in = false, marketing_opted_in_at = null, marketing_opted_in_workshop = null,
          ban_reason = null,
        first_seen_at = date_trunc('month', first_seen_at, 'UTC'),
          last_seen_at = date_trunc('month', last_seen_at, 'UTC')
      where user_id = ${userId}`
    await recordAudit(tx, {
      actor: because === 'asked' ? `user:${userId}` : 'worker',
      action: 'person.erased',
      subject: `user:${userId}`,
      details: { because, claims: claims.length, identities: identities.length, sessions },
    })
    return { kind: 'erased' }
  })
}

async function holdMarks(
  ctx: ErasureCtx,
  tx: Tx,
  { claims, banned, marks }: { claims: HeldClaim[]; banned: boolean; marks: Mark[] },
): Promise<void> {
  for (const place of workshopsToHold(ctx, claims))
    await hold(ctx, tx, { ...place, marks, reason: 'erased' })
  if (banned) await hold(ctx, tx, { workshopSlug: '', marks, reason: 'banned', until: null })
}
