import { hydrateRoot } from 'react-dom/client'
import { ClaimPage } from '~/components/claim/claim-page'
import type { ClaimPageData } from '~/components/claim/claim-page-data'
import { claimDataId, claimIslandId } from './claim-ids'

export function startClaim(): void {
  const island = document.getElementById(claimIslandId)
  const data = document.getElementById(claimDataId)?.textContent
  if (island && data) hydrateRoot(island, <ClaimPage page={JSON.parse(data) as ClaimPageData} />)
}
