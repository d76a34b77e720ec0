/** The data of the claim page, for the page and for its refresh. */
import type { ClaimPageData } from '~/components/claim/claim-page-data'
import type { Viewer } from '~/domain/people/session.server'
import { findClaimPulse, withRequest } from '~/domain/claim/claim-pulse.server'
import { findClaimView } from '~/domain/claim/claim-view.server'
import type { RefusedReason } from '~/domain/claim/claim.server'
import { findLimitRequest } from '~/domain/claim/limit-requests.server'
import { findReleaseAt } from '~/domain/claim/release-unused.server'
import type { Ctx } from '~/domain/ctx'
import { moreFrom } from '~/domain/keys/windows'
import { findWorkshopView } from '~/domain/workshop/view.server'
import {
  claimGoOnUrl,
  claimKeepUrl,
  claimMoreUrl,
  claimReplaceUrl,
  claimRevealUrl,
  claimStatusUrl,
  claimTestUrl,
  claimUrl,
  claimViewUrl,
  workshopUrl,
} from '../urls'
import { accountOf, readObstacle } from './account.server'

export async function readClaimPage(
  ctx: Ctx,
  input: { slug: string; viewer: Viewer; refused: RefusedReason | null; auto: boolean },
): Promise<ClaimPageData> {
  const { slug, viewer, refused, auto } = input
  const owner = { workshopSlug: slug, userId: viewer.userId }
  // The version is read before the view, so that the next poll sees a change between the two.
  const pulse = await findClaimPulse(ctx, owner)
  const [claim, workshop, limitRequest, releaseAt, { obstacle, access }] = await Promise.all([
    findClaimView(ctx, owner),
    findWorkshopView(ctx, slug),
    findLimitRequest(ctx, owner),
    findReleaseAt(ctx, owner),
    // Only a refusal shows it.
    refused === null ? { obstacle: null, access: null } : readObstacle(ctx, slug, viewer),
  ])
  const isAsked = limitRequest?.last?.state === 'open'
  const reset = refused === 'spent' && ctx.workshops.workshops.get(slug)?.keyLimitReset
  return {
    workshop: workshop && !('broken' in workshop) ? workshop : null,
    claim: claim && { ...claim, nextPollMs: withRequest(claim.nextPollMs, isAsked) },
    limitRequest,
    releaseAt,
    version: pulse?.v ?? '',
    refused: claim && claim.claimAgain === null ? null : refused,
    moreFrom: (reset && moreFrom(reset, ctx.now())?.toISOString()) || null,
    oldEnoughAt: obstacle?.until ?? null,
    claimedWith: refused === 'email-already-claimed' ? (obstacle?.claimedWith ?? null) : null,
    access,
    holder: viewer.displayName,
    account: accountOf(viewer),
    autoSeconds: auto && claim?.state === 'pending' ? 10 : null,
    baseUrl: ctx.settings.providerBaseUrl,
    origin: ctx.deployment.appOrigin,
    urls: {
      workshop: workshopUrl(slug),
      claim: claimUrl(slug),
      status: claimStatusUrl(slug),
      view: claimViewUrl(slug),
      reveal: claimRevealUrl(slug),
      test: claimTestUrl(slug),
      replace: claimReplaceUrl(slug),
      more: claimMoreUrl(slug),
      keep: claimKeepUrl(slug),
      goOn: claimGoOnUrl(slug),
    },
  }
}
