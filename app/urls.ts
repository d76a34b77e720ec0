/** Every address of Keymint's pages, in one place: pages, redirects, mails and tests read them here. */
import type { NoticeCode } from '~/components/claim/person-messages'
/** The addresses of the pages for staff. */
export const adminUrl = '/admin'

export const reconcileUrl = '/admin/reconcile'

export const readinessUrl = '/admin/doctor'

export const adminBanUrl = '/admin/ban'

export const auditUrl = '/admin/audit'

export const auditExportUrl = '/admin/audit/export'

export const adminWorkshopUrl = (slug: string) => `/admin/w/${slug}`

export const adminClaimUrl = (slug: string, claimId: string) => `/admin/w/${slug}/c/${claimId}`

export const adminActUrl = (slug: string) => `/admin/w/${slug}/act`

export const adminWorkUrl = (slug: string, bulkId: string) => `/admin/w/${slug}/work/${bulkId}`

export const adminExportUrl = (slug: string) => `/admin/w/${slug}/export.csv`

export const adminReceiptUrl = (slug: string) => `/admin/w/${slug}/receipt`

export const adminMintUrl = (slug: string) => `/admin/w/${slug}/mint`
/** The addresses of a workshop and of a claim in it. */
export const workshopUrl = (slug: string) => `/w/${slug}`

export const claimUrl = (slug: string) => `/w/${slug}/claim`

export const claimStatusUrl = (slug: string) => `/w/${slug}/claim/status`

export const claimViewUrl = (slug: string) => `/w/${slug}/claim/view`

export const claimRevealUrl = (slug: string) => `/w/${slug}/claim/reveal`

export const claimTestUrl = (slug: string) => `/w/${slug}/claim/test`

export const claimReplaceUrl = (slug: string) => `/w/${slug}/claim/replace`

export const erasedUrl = '/me/erased'

/** The page, and what it says has just been done. */
export function meUrl(done?: NoticeCode): string {
  return done ? `/me?done=${done}` : '/me'
}
/** The addresses of a team. */
export const teamUrl = (
  slug: string,
  page: 'dashboard' | 'my-keys' | 'store' | 'vault' | 'members' | 'audit' | 'close',
) => `/t/${slug}/${page}`

export const memberUrl = (slug: string, userId: string) =>
  `/t/${slug}/members/${encodeURIComponent(userId)}`

export const subKeyUrl = (slug: string, keyId: string) => `/t/${slug}/keys/${keyId}`

export const subKeyRevealUrl = (slug: string, keyId: string) => `/t/${slug}/keys/${keyId}/reveal`

export const auditCsvUrl = (slug: string) => `/t/${slug}/audit.csv`

export const joinUrl = (token: string) => `/t/join/${token}`
/** The addresses that the pages of the queue link to. */
export const queueUrl = '/admin/queue'

export const jobUrl = (jobId: string) => `/admin/queue/${jobId}`

export const claimsUrl = (workshop: string, claimId: string) =>
  `/admin/w/${workshop}?text=${claimId}`

export const queueExportUrl = (search: string, format: 'csv' | 'json') =>
  `/admin/queue/export${search}${search ? '&' : '?'}format=${format}`
