/** Hydrates an island: its page alone. What surrounds it needs one script, for the theme. */
import type { ReactElement } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { islandDataId, islandId } from './island-ids'
import { startThemeChoice } from './theme'

export function startIsland<Data>(render: (data: Data) => ReactElement): void {
  const island = document.getElementById(islandId)
  const data = document.getElementById(islandDataId)?.textContent
  if (island && data) hydrateRoot(island, render(JSON.parse(data) as Data))
  startThemeChoice()
}
