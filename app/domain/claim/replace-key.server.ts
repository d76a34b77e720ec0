/**
 * An attendee replaces their own leaked key: the old one is disabled, the new one has what was
 * left.
 */
import { Prisma } from '~/adapters/db.server'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { capsOfFile, startClaimBulk } from './claim-actions.server'

/** How often one claim's key may be replaced. */
export const replaceEveryMinutes = 10

export type ReplaceOutcome =
  | { kind: 'started' }
  /** `minutes` until it may be asked again; giving the claim back disables it at once. */
  | { kind: 'too-soon'; minutes: number; claimId: string }
  | { kind: 'disabled' | 'spent' | 'no-key' }

/**
 * Starts the replacement of this person's live key. The claim page follows it; if the provider is
 * down, it waits.
 */
export async function replaceOwnKey(
  ctx: Ctx,
  owner: { workshopSlug: string; userId: string },
): Promise<ReplaceOutcome> {
  return ctx.db.$transaction(async (tx): Promise<ReplaceOutcome> => {
    const [claim] = await tx.$queryRaw<
      { claimId: string; disabled: boolean; spent: boolean; waitSeconds: number | null }[]
    >`
      select claim_id as "claimId", disabled_at is not null as disabled, limit_reset is null
        and usage_usd >= limit_usd as spent,
        ceil(extract(epoch from replaced_at + make_interval(mins => ${replaceEveryMinutes}::int) - now()))::int
          as "waitSeconds"
      from keymint.workshop_attendance c
      where user_id = ${owner.userId} and workshop_slug = ${owner.workshopSlug} and ${liveClaim(ctx.now())}
      for update`
    if (!claim) return { kind: 'no-key' }
    if (claim.disabled) return { kind: 'disabled' }
    if (claim.spent) return { kind: 'spent' }
    if (claim.waitSeconds !== null && claim.waitSeconds > 0)
      return {
        kind: 'too-soon',
        minutes: Math.ceil(claim.waitSeconds / 60),
        claimId: claim.claimId,
      }
    await tx.$executeRaw`
      update keymint.workshop_attendance set replaced_at = now() where claim_id = ${claim.claimId}::uuid`
    await startClaimBulk(ctx, tx, {
      action: { kind: 're-issue' },
      scope: owner.workshopSlug,
      actorUserId: owner.userId,
      reason: 'Replaced by its owner.',
      caps: capsOfFile(ctx, owner.workshopSlug),
      selection: { claimIds: [claim.claimId] },
      max: 1,
      subjects: Prisma.sql`select ${`claim:${claim.claimId}`}::text as subject`,
    })
    return { kind: 'started' }
  })
}
