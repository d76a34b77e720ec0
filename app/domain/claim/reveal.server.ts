/**
 * The only two functions that open a sealed key: showing it to its owner, and asking the provider
 * about it on the owner's behalf. Both answer only for a live claim of the person who asks; the
 * first is always audited.
 */
import type { Tx } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView } from '../money-view'
import { keyPlace } from '../keys/mint-attempt.server'
import { recordReading } from '../keys/readings.server'
import type { KeyTestVerdict } from './view-types'

export type RevealOutcome =
  { kind: 'revealed'; key: string } | { kind: 'not-yet' } | { kind: 'no-key' }

/**
 * A key is shown when it is bound, or so long after it was saved: a bind that hangs must not keep
 * it from its owner.
 */
export const unboundRevealSeconds = 5

type SealedClaim = {
  claimId: string
  keyId: string
  generation: number
  keyHash: string
  sealed: string
  revealable: boolean
  workshopSlug: string
  askedAt: Date
  limitReset: 'daily' | 'weekly' | 'monthly' | null
}

/** Opens the key for its owner. No audit row, no key. */
export async function revealKey(
  ctx: Ctx,
  owner: { workshopSlug: string; userId: string },
): Promise<RevealOutcome> {
  return ctx.db.$transaction(async (tx) => {
    const claim = await findSealed(ctx, tx, owner)
    if (!claim) return { kind: 'no-key' }
    if (!claim.revealable) return { kind: 'not-yet' }
    await recordAudit(tx, {
      actor: `user:${owner.userId}`,
      action: 'key.revealed',
      subject: `claim:${claim.claimId}`,
      workshopSlug: claim.workshopSlug,
    })
    await tx.$executeRaw`
      update keymint.workshop_attendance set revealed_at = coalesce(revealed_at, now())
        where claim_id = ${claim.claimId}::uuid`
    return {
      kind: 'revealed',
      key: ctx.sealer.unseal(claim.sealed, keyPlace(claim.keyId, claim.generation)),
    }
  })
}

/**
 * Asks the provider with the key itself, which costs nothing, and says in one sentence what is
 * wrong if anything is.
 */
export async function testKey(
  ctx: Ctx,
  owner: { workshopSlug: string; userId: string },
): Promise<KeyTestVerdict | null> {
  const claim = await findSealed(ctx, ctx.db, owner)
  const row = await ctx.db.workshopAttendance.findUnique({
    where: { userId_workshopSlug: owner },
    select: { state: true, expiresAt: true },
  })
  if (!row) return null
  const checkedAt = ctx.now().toISOString()
  const verdict = (
    name: KeyTestVerdict['verdict'],
    sentence: string,
    left: KeyTestVerdict['left'] = null,
  ): KeyTestVerdict => ({ verdict: name, sentence, left, checkedAt })
  if (row.state === 'ended' || row.expiresAt <= ctx.now())
    return verdict(
      'expired',
      'This key has ended, so the provider refuses it. Its allowance cannot be used any more.',
    )
  if (!claim?.revealable)
    return verdict(
      'not-ready',
      'Your key is still being made. Wait until the card says that it is ready, then test it.',
    )
  try {
    const reading = await ctx.provider.readOwnKey(
      ctx.sealer.unseal(claim.sealed, keyPlace(claim.keyId, claim.generation)),
    )
    await recordReading(
      ctx,
      claim.keyId,
      {
        id: claim.keyHash,
        name: '',
        label: '',
        cap: reading.limit,
        reset: claim.limitReset,
        usage: reading.usage,
        usedInWindow:
          reading.limit === null || reading.limitRemaining === null
            ? reading.usage
            : reading.limit - reading.limitRemaining,
        windowEndsAt: null,
        disabled: false,
        createdAt: null,
        expiresAt: reading.expiresAt,
      },
      claim.askedAt,
      { own: false },
    )
    const left =
      reading.limitRemaining === null
        ? null
        : moneyView(reading.limitRemaining < 0n ? 0n : reading.limitRemaining)
    if (reading.limitRemaining !== null && reading.limitRemaining <= 0n) {
      return verdict(
        'spent',
        'The key is valid, but its whole allowance is spent: the provider answers 403 "Key limit exceeded" to every request.',
        left,
      )
    }
    return verdict('works', `The key works${left ? ` and has ${left.text} left` : ''}.`, left)
  } catch (error) {
    if (!isProviderError(error)) throw error
    if (error.details.status === 401 || error.details.status === 403)
      return verdict(
        'disabled-or-gone',
        'The provider does not accept this key: it was switched off or removed there. Show this page to the organiser.',
      )
    return verdict(
      'provider-trouble',
      'The provider could not be asked just now, which says nothing about your key. Try again in a minute.',
    )
  }
}

async function findSealed(
  ctx: Ctx,
  tx: Tx,
  { workshopSlug, userId }: { workshopSlug: string; userId: string },
): Promise<SealedClaim | null> {
  const rows = await tx.$queryRaw<SealedClaim[]>`
    select c.claim_id as "claimId", k.id as "keyId", c.generation, k.hash as "keyHash", k.sealed,
      c.workshop_slug as "workshopSlug", keymint.now() as "askedAt", k.limit_reset as "limitReset",
      (k.guardrail_at is not null
        or k.saved_at <= now() - make_interval(secs => ${unboundRevealSeconds}::int)) as revealable
    from keymint.workshop_attendance c join keymint.keys k on k.holder_kind = 'claim'
      and k.holder_id = c.claim_id and k.generation = c.generation
    where c.user_id = ${userId} and c.workshop_slug = ${workshopSlug} and c.state = 'ready'
      and k.sealed is not null and c.expires_at > ${ctx.now()}`
  return rows[0] ?? null
}
