/**
 * A page with its data beside it, so that React alone can hydrate it. The router would double the
 * script of the pages that a whole workshop opens at once on bad wifi.
 */
import type { ReactNode } from 'react'
import { islandDataId, islandId, type IslandName } from '~/client/island-ids'

export function Island({
  name,
  data,
  children,
}: {
  name: IslandName
  data: object
  children: ReactNode
}) {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c')
  return (
    <>
      <div id={islandId} data-island={name}>
        {children}
      </div>
      <script
        type="application/json"
        id={islandDataId}
        suppressHydrationWarning
        dangerouslySetInnerHTML={{ __html: json }}
      />
    </>
  )
}
