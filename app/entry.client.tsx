/** Hydrates the page: an island with React alone, every other page with the router. */
import { islandId } from '~/client/island-ids'

const island = document.getElementById(islandId)?.dataset.island
if (island === 'claim') void import('~/client/claim-entry').then(({ startClaim }) => startClaim())
else if (island === 'workshop')
  void import('~/client/workshop-entry').then(({ startWorkshop }) => startWorkshop())
else if (island === 'wall') void import('~/client/wall-entry').then(({ startWall }) => startWall())
else void import('~/client/router-entry').then(({ startRouter }) => startRouter())
