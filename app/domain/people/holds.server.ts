/**
 * Holds: how "one claim per person" outlives the rows that identify the person. A hold is a keyed
 * fingerprint of an identity or an address and a workshop, kept while that workshop accepts claims
 * (decision 013). A ban holds everywhere.
 */
import type { Tx } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { windowState } from '../workshop/workshop'

export type HoldReason = 'erased' | 'unlinked' | 'banned'
/** What identifies somebody. Never stored as it is: only its fingerprint is. */
export type Mark = `identity:${string}` | `email:${string}`
export type Marked = { provider: string; providerUserId: string; emailNormalized: string | null }

/** The marks of an identity: itself, and its address where it has one. */
export function marksOf({ provider, providerUserId, emailNormalized }: Marked): Mark[] {
  return [`identity:${provider}:${providerUserId}`, ...addressMarks(emailNormalized)]
}

export function addressMarks(emailNormalized: string | null): Mark[] {
  return emailNormalized === null ? [] : [`email:${emailNormalized}`]
}

/**
 * Why somebody without a claim here may not claim, or null. People with a claim are judged by its
 * row. Costs two small queries while nothing is held in this workshop.
 */
export async function findHold(
  ctx: Pick<Ctx, 'fingerprints' | 'now'> & { db: Tx },
  claimant: { workshopSlug: string; userId: string; emailNormalized: string | null },
): Promise<HoldReason | null> {
  const { workshopSlug, userId, emailNormalized } = claimant
  const identities = await ctx.db.$queryRaw<Marked[]>`
    select provider, provider_user_id as "providerUserId", email_normalized as "emailNormalized"
      from keymint.identities i
    where user_id = ${userId}
      and exists (select 1 from keymint.claim_holds where workshop_slug in (${workshopSlug}, ''))`
  // Somebody who has not signed in has no identity yet: their account's name is one.
  const looked = [
    `identity:${userId}` as const,
    ...identities.flatMap(marksOf),
    ...addressMarks(emailNormalized),
  ].flatMap((mark) => ctx.fingerprints.allOf(mark))
  const [hold] = await ctx.db.$queryRaw<{ reason: HoldReason }[]>`
    select reason from keymint.claim_holds
    where workshop_slug in (${workshopSlug}, '') and fingerprint = any(${looked})
      and (held_until is null or held_until > ${ctx.now()})
      and (reason = 'banned' or not exists (select 1 from keymint.workshop_attendance c
        where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug}))
    order by reason = 'banned' desc limit 1`
  return hold?.reason ?? null
}

/**
 * Holds these marks in a workshop (or, for a ban, everywhere). An existing longer hold stays.
 */
export async function hold(
  ctx: Pick<Ctx, 'fingerprints'>,
  tx: Tx,
  input: { workshopSlug: string; marks: Mark[]; reason: HoldReason; until: Date | null },
): Promise<void> {
  const fingerprints = [...new Set(input.marks.map((mark) => ctx.fingerprints.of(mark)))]
  await tx.$executeRaw`
    insert into keymint.claim_holds (workshop_slug, fingerprint, reason, held_until, key_id)
    select ${input.workshopSlug}, fingerprint, ${input.reason}, ${input.until}::timestamptz,
      ${ctx.fingerprints.keyId}
      from unnest(${fingerprints}::text[]) as f(fingerprint)
    on conflict (workshop_slug, fingerprint) do update set key_id = excluded.key_id,
      held_until = case when claim_holds.held_until is null or excluded.held_until is null then null
        else greatest(claim_holds.held_until, excluded.held_until) end`
}

export type HeldClaim = {
  workshopSlug: string
  state: string
  endedAt: Date | null
  mayClaimAgain: boolean
}

/**
 * The workshops of these claims in which somebody could claim twice, and until when to hold them.
 */
export function workshopsToHold(
  ctx: Pick<Ctx, 'workshops' | 'now'>,
  claims: HeldClaim[],
): { workshopSlug: string; until: Date | null }[] {
  return claims.flatMap(({ workshopSlug, state, endedAt, mayClaimAgain }) => {
    if (mayClaimAgain || state === 'refused') return []
    const workshop = ctx.workshops.workshops.get(workshopSlug)
    // A file that is missing or broken may be back after the next deploy.
    if (!workshop) return [{ workshopSlug, until: null }]
    if (windowState(workshop, ctx.now()) === 'closed') return []
    const coolsDown = workshop.cooldownMs !== null && endedAt !== null
    return [
      {
        workshopSlug,
        until: coolsDown ? new Date(endedAt.getTime() + (workshop.cooldownMs ?? 0)) : null,
      },
    ]
  })
}

const keptAfterCloseMs = 7 * 86_400_000

/**
 * Deletes holds that are over, and those of workshops that closed or disappeared a week ago. Bans
 * stay.
 */
export async function forgetHolds(ctx: Pick<Ctx, 'db' | 'workshops' | 'now'>): Promise<number> {
  const now = ctx.now()
  const open = [...ctx.workshops.workshops.values()]
    .filter(
      ({ claimsCloseAt }) =>
        claimsCloseAt === null || claimsCloseAt.getTime() + keptAfterCloseMs > now.getTime(),
    )
    .map(({ slug }) => slug)
  const kept = [...open, ...ctx.workshops.broken, '']
  return ctx.db.$executeRaw`
    delete from keymint.claim_holds
    where held_until <= ${now}
      or (not workshop_slug = any(${kept}) and created_at < ${new Date(now.getTime() - keptAfterCloseMs)})`
}
