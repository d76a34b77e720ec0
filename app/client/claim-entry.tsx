import { ClaimPage } from '~/components/claim/claim-page'
import type { ClaimPageData } from '~/components/claim/claim-page-data'
import { startIsland } from './island-entry'

export const startClaim = () => startIsland<ClaimPageData>((page) => <ClaimPage page={page} />)
