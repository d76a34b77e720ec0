/** Who is signed in, as the pages of a workshop show it, and what stands in the way of a claim. */
import type { Account } from '~/components/claim/account-help'
import type { KnownAccess, KnownObstacle } from '~/components/claim/workshop-entry'
import { readOwnAccess } from '~/domain/claim/access.server'
import { obstacleOf } from '~/domain/claim/admission'
import { findProviderOfOtherClaim } from '~/domain/claim/claim-of-address.server'
import type { Ctx } from '~/domain/ctx'
import type { Viewer } from '~/domain/people/session.server'

export const accountOf = ({ displayName, email, provider }: Viewer): Account => ({
  name: displayName,
  email,
  provider,
})

/**
 * What is known to be in the way of a first claim, null where nothing is or there is no such
 * workshop; and whether its organizers can lift it.
 */
export async function readObstacle(
  ctx: Ctx,
  slug: string,
  viewer: Viewer,
): Promise<{ obstacle: KnownObstacle | null; access: KnownAccess }> {
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop) return { obstacle: null, access: null }
  const access = await readOwnAccess(ctx, slug, viewer)
  const found = access ? access.obstacle : obstacleOf({ workshop, person: viewer, now: ctx.now() })
  const known = {
    access: access && {
      mayAsk: access.refusedFor !== null,
      needsCode: access.refusedFor === 'code-needed',
      request: access.request && { state: access.request.state },
    },
  }
  if (found?.reason !== 'banned') {
    const claimedWith = await findProviderOfOtherClaim(ctx, { workshopSlug: slug, ...viewer })
    if (claimedWith)
      return {
        ...known,
        obstacle: { reason: 'email-already-claimed', until: null, claimedWith },
      }
  }
  const until = found?.reason === 'account-too-new' ? found.until : null
  return {
    ...known,
    obstacle: found && {
      reason: found.reason,
      until: until?.toISOString() ?? null,
      claimedWith: null,
    },
  }
}
