export const claimIslandId = 'claim-island'
export const claimDataId = 'claim-data'
