/**
 * The claim page with its data beside it, so that React alone can hydrate it. The router would
 * double the script of the one page that a whole workshop opens at once on bad wifi.
 */
import { claimDataId, claimIslandId } from '~/client/claim-ids'
import { ClaimPage } from './claim-page'
import type { ClaimPageData } from './claim-page-data'

export function ClaimIsland({ page }: { page: ClaimPageData }) {
  const data = JSON.stringify(page).replaceAll('<', '\\u003c')
  return (
    <>
      <div id={claimIslandId}>
        <ClaimPage page={page} />
      </div>
      <script
        type="application/json"
        id={claimDataId}
        suppressHydrationWarning
        dangerouslySetInnerHTML={{ __html: data }}
      />
    </>
  )
}
