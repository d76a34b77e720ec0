import { WallPage, type WallPageData } from '~/components/claim/wall-page'
import { startIsland } from './island-entry'

export const startWall = () => startIsland<WallPageData>((page) => <WallPage page={page} />)
