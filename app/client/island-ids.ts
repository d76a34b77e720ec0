export const islandId = 'island'
export const islandDataId = 'island-data'
export type IslandName = 'claim' | 'workshop' | 'wall'
