/**
 * Two ways for a page to come alive: the claim page by React alone, every other page by the router.
 */
import { claimIslandId } from '~/client/claim-ids'

if (document.getElementById(claimIslandId))
  void import('~/client/claim-entry').then(({ startClaim }) => startClaim())
else void import('~/client/router-entry').then(({ startRouter }) => startRouter())
