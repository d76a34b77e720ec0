/**
 * A claim is one person's request for one key in one workshop. Guarantee: one row per person and
 * workshop, and per verified address and workshop, held by the database's keys and not by this
 * code. Row, mint, job, audit and pool change in one transaction or not at all.
 */
import { isMissingReference, isUniqueViolation, type Tx } from '~/adapters/db.server'
import { findHold } from '../people/holds.server'
import type { AuditActor } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { engineNow, lockKeysOf } from '../keys/key-store.server'
import { wantOff } from '../keys/want.server'
import { isPoolIsFull } from '../money/pool.server'
import { capsOf } from '../workshop/worst-case'
import { holderOf, lockClaim } from './claim-row.server'
import { beginNextGeneration, leftOfCap } from './next-key.server'
import { keyExpiryFor } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { admit, hasEntryRules, type AdmissionRefusal, type Claimant } from './admission'
import { mayClaimAgain } from './claim-again'
import { readSnapshot } from './claim-snapshot.server'
import { EntryRefused, needsCode, readEntry, type CodeRefusal } from './entry.server'
import { insertClaim, type ClaimTerms } from './insert-claim.server'
import { makeRoomFromSpares, sendKeepSpares } from './spares.server'
import { recordTurnedAway } from './turned-away.server'
import { isLineAhead, joinLine, LineIsAhead } from './waitlist.server'
import { typedCode } from './workshop-code'

export type RefusedReason =
  | AdmissionRefusal
  | CodeRefusal
  | 'had-one-before'
  | 'paused'
  | 'full'
  | 'email-already-claimed'
  | 'no-such-workshop'
  /** All of the cap is used, and the next window has not begun. */
  | 'spent'
export type ClaimOutcome =
  | { kind: 'queued'; claimId: string }
  | { kind: 'already-claimed'; claimId: string }
  /** The workshop is full, or others wait already: they have a place in line. */
  | { kind: 'waiting' }
  | { kind: 'refused'; reason: RefusedReason }

export type ClaimInput = {
  workshopSlug: string
  person: Claimant
  optIn: boolean
  /** What was typed as the workshop's code. */
  code?: string
}

/** Claims a key. Clicking again, from anywhere and at once, answers with the same claim. */
export async function claimKey(ctx: Ctx, input: ClaimInput): Promise<ClaimOutcome> {
  const outcome = await ctx.limitClaims(() => admitAndClaim(ctx, input))
  ctx.metrics.countClaim(outcome.kind === 'refused' ? outcome.reason : outcome.kind)
  if (outcome.kind === 'refused' && ctx.workshops.workshops.has(input.workshopSlug))
    await recordTurnedAway(ctx, input.workshopSlug, outcome.reason)
  return outcome
}

async function admitAndClaim(ctx: Ctx, input: ClaimInput): Promise<ClaimOutcome> {
  const { workshopSlug, person } = input
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  const now = ctx.now()
  const { provisioningEnabled, maxTotalKeys } = ctx.settings
  const entry =
    workshop && hasEntryRules(workshop)
      ? await readEntry(ctx, ctx.db, workshopSlug, person)
      : undefined
  const refusal = workshop
    ? admit({ workshop, person, provisioningEnabled, maxTotalKeys, now, entry })
    : 'no-such-workshop'
  if (!workshop || refusal) {
    const { own, ended, mayClaim } = await readSnapshot(ctx, workshopSlug, person.userId)
    return own && !mayClaim
      ? own
      : { kind: 'refused', reason: ended ? 'ended' : (refusal ?? 'no-such-workshop') }
  }
  const held = await findHold(ctx, {
    workshopSlug,
    userId: person.userId,
    emailNormalized: person.emailNormalized,
  })
  if (held) return { kind: 'refused', reason: held === 'banned' ? 'banned' : 'had-one-before' }
  const code = typedCode(input.code ?? '')
  const counted = entry !== undefined && needsCode(workshop, entry)
  if (counted) {
    if (code === '') return { kind: 'refused', reason: 'code-needed' }
    // Counted before it is compared, so that tries at once count as many.
    const seconds = await ctx.limits.consume('workshop-code', {
      userId: person.userId,
      address: null,
      place: workshopSlug,
    })
    if (seconds !== null) return { kind: 'refused', reason: 'code-limit' }
  }
  return claimAdmitted(ctx, workshop, person, {
    optIn: input.optIn,
    actor: `user:${person.userId}`,
    entry: { code: counted ? code : null },
  })
}

/**
 * Claims for a person who may: a new claim, the one that is there, or the next key of one that has
 * ended.
 */
export async function claimAdmitted(
  ctx: Ctx,
  workshop: Workshop,
  person: Claimant,
  terms: ClaimTerms,
): Promise<ClaimOutcome> {
  const refused = (reason: RefusedReason): ClaimOutcome => ({ kind: 'refused', reason })
  const full = () => answerFull(ctx, workshop, person, terms)
  try {
    const claimId = await claimFirst(ctx, workshop, person, terms)
    if (claimId === 'full') return await full()
    if (claimId) return { kind: 'queued', claimId }
  } catch (error) {
    if (isFull(error)) return full()
    if (error instanceof EntryRefused) {
      const { own, mayClaim } = await readSnapshot(ctx, workshop.slug, person.userId)
      return own && !mayClaim ? own : refused(error.reason)
    }
    // The account was joined to another, or erased, by a click in another tab.
    if (isMissingReference(error)) return refused('email-already-claimed')
    if (!isUniqueViolation(error)) throw error
  }
  // No row inserted: another click of this person was faster, minting is paused, or somebody else
  // has claimed with this address.
  const { own, paused, ended, mayClaim } = await readSnapshot(ctx, workshop.slug, person.userId)
  if (!own) return refused(paused ? 'paused' : 'email-already-claimed')
  if (!mayClaim) return own
  if (paused || ended) return refused(ended ? 'ended' : 'paused')
  try {
    return await ctx.db.$transaction((tx) =>
      claimAgain(ctx, tx, workshop, own.claimId, {
        actor: terms.actor,
        waits: waits(workshop, terms),
      }),
    )
  } catch (error) {
    if (!isFull(error)) throw error
    return full()
  }
}

const isFull = (error: unknown) => isPoolIsFull(error) || error instanceof LineIsAhead

/** Staff who claim for somebody stand in no line. */
const waits = (workshop: Workshop, { entry }: ClaimTerms) =>
  workshop.waitlist && entry !== undefined

/**
 * So often a claim that finds the pool full looks for a spare that it can take, and for money of one
 * that it gives up: others who claim now may be faster with either.
 */
const maxLooks = { taken: 5, 'given-up': 40 }

/** The id of a new claim; null where nothing was written, `full` where the pool has nothing for it. */
async function claimFirst(
  ctx: Ctx,
  workshop: Workshop,
  person: Claimant,
  terms: ClaimTerms,
): Promise<string | null> {
  const looks = { ...maxLooks }
  for (let tries = 0; ; tries++) {
    try {
      const claimId = await ctx.db.$transaction((tx) =>
        insertClaim(ctx, tx, workshop, person, { ...terms, evenUnbound: tries > 0 }),
      )
      if (claimId) await sendKeepSpares(ctx, workshop)
      return claimId
    } catch (error) {
      if (!isPoolIsFull(error)) throw error
      // Money that waits for whoever claims next is no reason to refuse whoever claims now.
      const found = await makeRoomFromSpares(ctx, workshop)
      if (found === null || looks[found]-- <= 0) return 'full'
    }
  }
}

/** No seat is free, or others wait for it: a place in line, where the workshop has one. */
async function answerFull(
  ctx: Ctx,
  workshop: Workshop,
  person: Claimant,
  terms: ClaimTerms,
): Promise<ClaimOutcome> {
  const refused = (reason: RefusedReason): ClaimOutcome => ({ kind: 'refused', reason })
  const { own, ended, paused, mayClaim } = await readSnapshot(ctx, workshop.slug, person.userId)
  if (ended) return refused('ended')
  if (!waits(workshop, terms)) return refused('full')
  if (own && !mayClaim) return own
  if (paused) return refused('paused')
  try {
    const joined = await joinLine(ctx, workshop, person, {
      optIn: terms.optIn,
      code: terms.entry?.code ?? null,
    })
    return joined === 'banned' || joined === 'email-already-claimed'
      ? refused(joined)
      : { kind: 'waiting' }
  } catch (error) {
    if (!(error instanceof EntryRefused)) throw error
    return refused(error.reason)
  }
}

/**
 * A claim in the transaction that serves the line, whose lock it holds. Throws PoolIsFull where no
 * seat is free. The caller has judged the person.
 */
export async function claimInLine(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  person: Claimant,
  by: { optIn: boolean; actor: AuditActor },
): Promise<Exclude<ClaimOutcome, { kind: 'waiting' }>> {
  const [own] = await tx.$queryRaw<{ claimId: string }[]>`
    select claim_id as "claimId" from keymint.workshop_attendance
    where user_id = ${person.userId} and workshop_slug = ${workshop.slug}`
  if (own) return claimAgain(ctx, tx, workshop, own.claimId, { actor: by.actor, waits: false })
  const claimId = await insertClaim(ctx, tx, workshop, person, { ...by, evenUnbound: true })
  return claimId
    ? { kind: 'queued', claimId }
    : { kind: 'refused', reason: 'email-already-claimed' }
}

/** A new key for the same row, by the present terms of the file. A second click changes nothing. */
async function claimAgain(
  ctx: Ctx,
  tx: Tx,
  workshop: Workshop,
  claimId: string,
  { actor, waits }: { actor: AuditActor; waits: boolean },
): Promise<Exclude<ClaimOutcome, { kind: 'waiting' }>> {
  const ahead = waits && (await isLineAhead(tx, { workshopSlug: workshop.slug }))
  const found = await lockClaim(tx, claimId)
  // Its time may have passed without a sweep having seen it.
  const now = await engineNow(tx)
  if (found?.state === 'ready' && found.expiresAt <= now) {
    await wantOff(ctx, tx, await lockKeysOf(tx, holderOf(found)), 'ended', found.expiresAt)
    await ctx.holders.claim?.expire(ctx, tx, { ...holderOf(found), generation: found.generation })
  }
  const claim = await lockClaim(tx, claimId)
  if (!claim || !mayClaimAgain(claim, now)) return { kind: 'already-claimed', claimId }
  if (ahead && !claim.holdsSeat) throw new LineIsAhead()
  const keys = await lockKeysOf(tx, holderOf(claim))
  const { keyLimit: limit, keyLimitReset: limitReset } = workshop
  // A cool-down that is over begins the cap afresh where it never does so by itself.
  const newGrant = limitReset === null && Number(claim.cooldownMs ?? 0) > 0 && !claim.mayClaimAgain
  const left = leftOfCap({ limit, limitReset }, keys, now)
  if (!newGrant && left.known && left.left === 0n) return { kind: 'refused', reason: 'spent' }
  const terms = {
    why: 'claimed-again',
    limit,
    limitReset,
    expiresAt: keyExpiryFor(workshop, now),
    allowedModels: workshop.allowedModels,
    newGrant,
  } as const
  await beginNextGeneration(ctx, tx, claim, terms, { actor, caps: capsOf(workshop, ctx.settings) })
  return { kind: 'queued', claimId }
}
