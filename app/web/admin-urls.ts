/** The addresses of the pages for staff. */
export const adminUrl = '/admin'
export const adminWorkshopUrl = (slug: string) => `/admin/w/${slug}`
export const adminClaimUrl = (slug: string, claimId: string) => `/admin/w/${slug}/c/${claimId}`
export const adminActUrl = (slug: string) => `/admin/w/${slug}/act`
export const adminWorkUrl = (slug: string, bulkId: string) => `/admin/w/${slug}/work/${bulkId}`
export const adminExportUrl = (slug: string) => `/admin/w/${slug}/export.csv`
export const adminReceiptUrl = (slug: string) => `/admin/w/${slug}/receipt`
export const adminMintUrl = (slug: string) => `/admin/w/${slug}/mint`
