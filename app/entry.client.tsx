/** Hydrates the page: the claim page with React alone, every other page with the router. */
import { claimIslandId } from '~/client/claim-ids'

if (document.getElementById(claimIslandId))
  void import('~/client/claim-entry').then(({ startClaim }) => startClaim())
else void import('~/client/router-entry').then(({ startRouter }) => startRouter())
