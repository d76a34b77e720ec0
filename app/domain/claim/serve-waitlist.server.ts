/**
 * Seats that have become free go to the line, in its order. Guarantee: the claim, the money it
 * reserves, the end of the place and the audit are one transaction under the lock of the line: a
 * process that dies has served somebody or not, and two workers never serve one place twice.
 */
import { asciiLowerCase } from '../ascii'
import type { Tx } from '~/adapters/db.server'
import { recordAudit, type AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { isPoolIsFull } from '../money/pool.server'
import { findHold } from '../people/holds.server'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { admit, type Claimant } from './admission'
import { claimInLine } from './claim.server'
import { readEntry } from './entry.server'
import { endPlace, lockLine } from './waitlist.server'

export type LetInOutcome =
  | { kind: 'let-in'; claimId: string }
  | { kind: 'skipped'; reason: string }
  /** No seat or money is free, or nobody can claim for now. The place stays. */
  | { kind: 'full' | 'not-now' }
  | { kind: 'nobody' }

/** The next in line, or staff's choice, gets a seat where one is free. */
export async function letIn(
  ctx: Ctx,
  workshop: Workshop,
  by: { actor: AuditActor; id?: string },
): Promise<LetInOutcome> {
  try {
    return await ctx.db.$transaction((tx) => letInOne(ctx, tx, workshop, by))
  } catch (error) {
    if (!isPoolIsFull(error)) throw error
    return { kind: 'full' }
  }
}

type Place = { id: string; userId: string; provider: string; optIn: boolean }

async function letInOne(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  { actor, id }: { actor: AuditActor; id?: string },
): Promise<LetInOutcome> {
  await lockLine(tx, workshop.slug)
  const chosen = id ?? null
  const [place] = await tx.$queryRaw<Place[]>`
    select id, user_id as "userId", provider, opt_in as "optIn" from keymint.waitlist
    where workshop_slug = ${workshop.slug} and state = 'waiting'
      and (${chosen}::uuid is null or id = ${chosen}::uuid)
    order by turn limit 1`
  if (!place) return { kind: 'nobody' }
  const person = await lockClaimant(tx, place)
  if (!person) return { kind: 'not-now' }
  const bar = await judge(ctx, tx, workshop, person)
  if (bar === 'not-now') return { kind: 'not-now' }
  const skip = async (reason: string): Promise<LetInOutcome> => {
    const ended = await endPlace(
      tx,
      { id: place.id, workshopSlug: workshop.slug },
      { kind: 'skipped', reason },
      actor,
    )
    return ended ? { kind: 'skipped', reason } : { kind: 'not-now' }
  }
  if (bar) return skip(bar)
  const [ended] = await tx.$queryRaw<{ id: string }[]>`
    select id from keymint.waitlist where id = ${place.id}::uuid and state = 'waiting' for update`
  if (!ended) return { kind: 'not-now' }
  const outcome = await claimInLine(ctx, tx, workshop, person, { optIn: place.optIn, actor })
  if (outcome.kind === 'already-claimed') return skip('already-claimed')
  if (outcome.kind === 'refused') return skip(outcome.reason)
  await tx.$executeRaw`
    update keymint.waitlist set state = 'let-in', claim_id = ${outcome.claimId}::uuid,
      ended_at = keymint.now()
    where id = ${place.id}::uuid`
  await recordAudit(tx, {
    actor,
    action: 'waitlist.let-in',
    subject: `user:${place.userId}`,
    scope: workshop.slug,
    details: { place: place.id, claim: outcome.claimId },
  })
  return { kind: 'let-in', claimId: outcome.claimId }
}

/** Null where the person is erased meanwhile. Before the place, as an erasure locks the two. */
async function lockClaimant(tx: Tx, { userId, provider }: Place): Promise<Claimant | null> {
  const [row] = await tx.$queryRaw<
    {
      displayName: string
      emailNormalized: string | null
      banned: boolean
      reason: string | null
      createdAt: Date | null
      logins: string[]
    }[]
  >`
    select a.display_name as "displayName", a.email_normalized as "emailNormalized",
      a.banned_at is not null as banned, a.ban_reason as reason,
      (select min(i.account_created_at) from keymint.identities i
        where i.user_id = a.user_id and i.provider = 'github') as "createdAt",
      coalesce((select array_agg(i.login) from keymint.identities i
        where i.user_id = a.user_id and i.provider = 'github' and i.login is not null), '{}') as logins
    from keymint.attendees a where a.user_id = ${userId} for no key update`
  if (!row) return null
  return {
    userId,
    displayName: row.displayName,
    emailNormalized: row.emailNormalized,
    provider: provider === 'google' ? 'google' : 'github',
    banned: row.banned ? { reason: row.reason } : null,
    githubAccountCreatedAt: row.createdAt,
    githubLogins: row.logins.map(asciiLowerCase),
  }
}

/** What bars this person by now; `not-now` where nobody can claim for a while; null where they may. */
async function judge(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
): Promise<string | null> {
  const [gate] = await tx.$queryRaw<{ paused: boolean }[]>`
    select paused_at is not null as paused from keymint.minting`
  if (gate?.paused) return 'not-now'
  const { provisioningEnabled, maxTotalKeys } = ctx.settings
  const refusal = admit({
    workshop,
    person,
    provisioningEnabled,
    maxTotalKeys,
    now: ctx.now(),
    entry: await readEntry(ctx, tx, workshop.slug, person),
  })
  if (refusal === 'switched-off' || refusal === 'not-open-yet' || refusal === 'closed')
    return 'not-now'
  if (refusal) return refusal
  const held = await findHold(
    { db: tx, fingerprints: ctx.fingerprints, now: () => ctx.now() },
    { workshopSlug: workshop.slug, ...person },
  )
  return held === null ? null : held === 'banned' ? 'banned' : 'had-one-before'
}

const maxPerSweep = 500

/**
 * Serves every line until its workshop is full, and ends those of workshops that take no claims any
 * more. Returns how many places ended. A line outlives `waitlist: false` in its file.
 */
export async function serveWaitlists(ctx: Ctx): Promise<number> {
  const lines = await ctx.db.$queryRaw<{ slug: string; ended: boolean }[]>`
    select w.workshop_slug as slug,
      exists (select 1 from keymint.workshop_ends e where e.slug = w.workshop_slug) as ended
    from keymint.waitlist w where w.state = 'waiting' group by w.workshop_slug order by w.workshop_slug`
  let served = 0
  for (const { slug, ended } of lines) {
    const workshop = ctx.workshops.workshops.get(slug)
    // A file that is missing or broken may be back after the next deploy.
    if (!workshop) continue
    try {
      served +=
        ended || windowState(workshop, ctx.now()) === 'closed'
          ? await endLine(ctx, slug)
          : await serveLine(ctx, workshop)
    } catch (error) {
      ctx.log.error(
        { error, workshop: slug },
        'a waitlist could not be served; the next sweep retries',
      )
    }
  }
  return served
}

async function serveLine(ctx: Ctx, workshop: Workshop): Promise<number> {
  for (let served = 0; served < maxPerSweep; served++) {
    const { kind } = await letIn(ctx, workshop, { actor: 'worker' })
    if (kind !== 'let-in' && kind !== 'skipped') return served
  }
  return maxPerSweep
}

async function endLine(ctx: Ctx, workshopSlug: string): Promise<number> {
  return ctx.db.$transaction(async (tx) => {
    await lockLine(tx, workshopSlug)
    const places = await tx.$queryRaw<{ id: string }[]>`
      select id from keymint.waitlist where workshop_slug = ${workshopSlug} and state = 'waiting'
      order by turn limit ${maxPerSweep}::int`
    for (const { id } of places)
      await endPlace(tx, { id, workshopSlug }, { kind: 'skipped', reason: 'closed' }, 'worker')
    return places.length
  })
}
