/** Who is signed in, as the pages of a workshop show it, and what stands in the way of a claim. */
import type { Account } from '~/components/claim/account-help'
import type { KnownObstacle } from '~/components/claim/workshop-entry'
import { obstacleOf } from '~/domain/claim/admission'
import { findProviderOfOtherClaim } from '~/domain/claim/claim-of-address.server'
import type { Ctx } from '~/domain/ctx'
import type { Viewer } from '~/domain/people/session.server'

export const accountOf = ({ displayName, email, provider }: Viewer): Account => ({
  name: displayName,
  email,
  provider,
})

/** Null where nothing is known to be in the way of a first claim. */
export async function findObstacle(
  ctx: Pick<Ctx, 'db' | 'workshops' | 'now'>,
  slug: string,
  viewer: Viewer,
): Promise<KnownObstacle | null> {
  const obstacle = obstacleFor(ctx, slug, viewer)
  if (obstacle?.reason === 'banned') return obstacle
  const claimedWith = await findProviderOfOtherClaim(ctx, { workshopSlug: slug, ...viewer })
  return claimedWith ? { reason: 'email-already-claimed', until: null, claimedWith } : obstacle
}

/** Of the account alone. Null where there is no such workshop, too. */
export function obstacleFor(
  ctx: Pick<Ctx, 'workshops' | 'now'>,
  slug: string,
  viewer: Viewer,
): KnownObstacle | null {
  const workshop = ctx.workshops.workshops.get(slug)
  const found = workshop && obstacleOf({ workshop, person: viewer, now: ctx.now() })
  if (!found) return null
  const until = found.reason === 'account-too-new' ? found.until : null
  return { reason: found.reason, until: until?.toISOString() ?? null, claimedWith: null }
}
