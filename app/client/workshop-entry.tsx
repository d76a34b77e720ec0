import { WorkshopPage, type WorkshopPageData } from '~/components/claim/workshop-page'
import { startIsland } from './island-entry'

export const startWorkshop = () =>
  startIsland<WorkshopPageData>((page) => <WorkshopPage page={page} />)
