/**
 * A giveaway's key that staff claim for somebody, by the numeric id of a GitHub account, whether or
 * not it has ever signed in.
 */
import { attendeeOfGithubId } from '../people/account.server'
import { findHold } from '../people/holds.server'
import type { Ctx } from '../ctx'
import { claimAdmitted, type RefusedReason } from './claim.server'

export type ClaimForOutcome =
  | { kind: 'queued' | 'already-claimed'; claimId: string }
  | { kind: 'refused'; reason: RefusedReason | 'not-a-giveaway' | 'not-a-github-id' }

/**
 * Claims for this GitHub account, whatever its age and the window. A ban, the switches, the pool and
 * the rule of one key apply as for everybody.
 */
export async function claimForGithubId(
  ctx: Ctx,
  input: { workshopSlug: string; githubId: string; actorUserId: string },
): Promise<ClaimForOutcome> {
  const workshop = ctx.workshops.workshops.get(input.workshopSlug)
  if (!workshop) return { kind: 'refused', reason: 'no-such-workshop' }
  if (workshop.kind !== 'giveaway') return { kind: 'refused', reason: 'not-a-giveaway' }
  if (!/^[1-9]\d{0,15}$/.test(input.githubId)) return { kind: 'refused', reason: 'not-a-github-id' }
  const { provisioningEnabled, maxTotalKeys } = ctx.settings
  if (
    !provisioningEnabled ||
    maxTotalKeys < 1 ||
    !workshop.acknowledgedTerms ||
    workshop.maxKeys === null
  )
    return { kind: 'refused', reason: 'switched-off' }

  const userId = await ctx.db.$transaction((tx) => attendeeOfGithubId(tx, input.githubId))
  const person = await ctx.db.attendee.findUniqueOrThrow({ where: { userId } })
  if (person.bannedAt) return { kind: 'refused', reason: 'banned' }
  const held = await findHold(ctx, {
    workshopSlug: input.workshopSlug,
    userId,
    emailNormalized: person.emailNormalized,
  })
  if (held) return { kind: 'refused', reason: held === 'banned' ? 'banned' : 'had-one-before' }
  const claimant = {
    userId,
    displayName: person.displayName,
    emailNormalized: person.emailNormalized,
    provider: 'github',
    banned: null,
    githubAccountCreatedAt: null,
    githubLogins: [],
  } as const
  const outcome = await claimAdmitted(ctx, workshop, claimant, {
    optIn: false,
    actor: `user:${input.actorUserId}`,
  })
  return outcome.kind === 'waiting' ? { kind: 'refused', reason: 'full' } : outcome
}
