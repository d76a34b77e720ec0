/** Every address of Keymint's pages, in one place: pages, redirects, mails and tests read them here. */
import type { NoticeCode } from '~/components/claim/person-messages'

/** A part of an address may hold anything that somebody typed into one. */
const part = encodeURIComponent

/** The addresses of the pages for staff. */
export const adminUrl = '/admin'

export const reconcileUrl = '/admin/reconcile'

export const alertsUrl = '/admin/alerts'

export const findUrl = '/admin/find'

export const readinessUrl = '/admin/doctor'

export const adminBanUrl = '/admin/ban'

export const auditUrl = '/admin/audit'

export const auditExportUrl = '/admin/audit/export'

export const adminWorkshopUrl = (slug: string) => `/admin/w/${part(slug)}`

export const adminClaimUrl = (slug: string, claimId: string) =>
  `/admin/w/${part(slug)}/c/${part(claimId)}`

export const adminActUrl = (slug: string) => `/admin/w/${part(slug)}/act`

export const adminWorkUrl = (slug: string, bulkId: string) =>
  `/admin/w/${part(slug)}/work/${part(bulkId)}`

export const adminExportUrl = (slug: string) => `/admin/w/${part(slug)}/export.csv`

export const adminReceiptUrl = (slug: string) => `/admin/w/${part(slug)}/receipt`

export const adminReceiptCsvUrl = (slug: string) => `/admin/w/${part(slug)}/receipt.csv`
export const adminAccessUrl = (slug: string) => `/admin/w/${part(slug)}/access`

export const adminMintUrl = (slug: string) => `/admin/w/${part(slug)}/mint`
export const adminAnnounceUrl = (slug: string) => `/admin/w/${part(slug)}/announce`

export const adminRequestsUrl = (slug: string) => `/admin/w/${part(slug)}/requests`

/** The addresses of a workshop and of a claim in it. */
export const workshopUrl = (slug: string) => `/w/${part(slug)}`

export const workshopStatusUrl = (slug: string) => `/w/${part(slug)}/status`

export const wallUrl = (slug: string) => `/w/${part(slug)}/live`

export const wallStatusUrl = (slug: string) => `/w/${part(slug)}/live/status`

/** The workshop's page that a path belongs to: where one comes back to after signing out. */
export const workshopOfPath = (path: string): string | null =>
  /^\/w\/[^/?#]+/.exec(path)?.[0] ?? null

/** The token of the invitation that a path is. */
export const invitationOfPath = (path: string): string | null =>
  /^\/t\/join\/([A-Za-z0-9_-]{43})$/.exec(path)?.[1] ?? null

export const claimUrl = (slug: string) => `/w/${part(slug)}/claim`

export const claimStatusUrl = (slug: string) => `/w/${part(slug)}/claim/status`

export const claimViewUrl = (slug: string) => `/w/${part(slug)}/claim/view`

export const claimRevealUrl = (slug: string) => `/w/${part(slug)}/claim/reveal`

export const claimTestUrl = (slug: string) => `/w/${part(slug)}/claim/test`

export const claimReplaceUrl = (slug: string) => `/w/${part(slug)}/claim/replace`

/** Where a person types the code that a terminal shows; what the terminal itself asks. */
export const setupUrl = '/me/setup'

export const setupScriptUrl = '/setup.mjs'

export const askUrl = (slug: string) => `/w/${part(slug)}/ask`

export const askStatusUrl = (slug: string) => `/w/${part(slug)}/ask/status`

/** The page that shows the code; `token` is of a link for who is not signed in there. */
export const codeUrl = (slug: string, token?: string) =>
  `/w/${part(slug)}/code${token === undefined ? '' : `?link=${part(token)}`}`

export const codeStatusUrl = (slug: string, token?: string) =>
  `/w/${part(slug)}/code/status${token === undefined ? '' : `?link=${part(token)}`}`

/** One's place in line: the address that leaves it, and the one that polls it. */
export const waitlistUrl = (slug: string) => `/w/${part(slug)}/waitlist`

export const waitlistStatusUrl = (slug: string) => `/w/${part(slug)}/waitlist/status`

export const claimGoOnUrl = (slug: string) => `/w/${part(slug)}/claim/go-on`
export const claimKeepUrl = (slug: string) => `/w/${part(slug)}/claim/keep`

export const claimMoreUrl = (slug: string) => `/w/${part(slug)}/claim/more`

export const erasedUrl = '/me/erased'

/** Where one joins two accounts, and where to go on to from there. */
export const joinAccountsUrl = (returnTo?: string) =>
  returnTo === undefined ? '/me/join' : `/me/join?returnTo=${encodeURIComponent(returnTo)}`

/** The page, and what it says has just been done. */
export function meUrl(done?: NoticeCode): string {
  return done ? `/me?done=${done}` : '/me'
}
/** The addresses of a team. */
export const teamUrl = (
  slug: string,
  page:
    | 'dashboard'
    | 'my-keys'
    | 'store'
    | 'vault'
    | 'service-accounts'
    | 'members'
    | 'budgets'
    | 'limits'
    | 'spending'
    | 'audit'
    | 'notifications'
    | 'close',
) => `/t/${part(slug)}/${page}`

/** What a member is told, and where. */
/** The page that makes a key for a service account. */
export const serviceKeyUrl = (slug: string, userId: string) =>
  `${teamUrl(slug, 'store')}?for=${encodeURIComponent(userId)}`

export const notificationsUrl = (slug: string) => teamUrl(slug, 'notifications')

export const memberUrl = (slug: string, userId: string) =>
  `/t/${part(slug)}/members/${encodeURIComponent(userId)}`

export const subKeyUrl = (slug: string, keyId: string) => `/t/${part(slug)}/keys/${part(keyId)}`

export const subKeyRevealUrl = (slug: string, keyId: string) =>
  `/t/${part(slug)}/keys/${part(keyId)}/reveal`

export const spendingUrl = (slug: string, month: string) =>
  `/t/${part(slug)}/spending?month=${part(month)}`

/** From one UTC day to another, both of them in it. */
export const rangeUrl = (slug: string, range: { from: string; to: string }, by?: string) =>
  `/t/${part(slug)}/spending?${new URLSearchParams({ ...range, ...(by ? { by } : {}) }).toString()}`

export const rangeCsvUrl = (slug: string, { from, to }: { from: string; to: string }) =>
  `/t/${part(slug)}/spending.csv?${new URLSearchParams({ from, to }).toString()}`

/** Of a month, as its first day. */
export const spendingCsvUrl = (slug: string, month: string) =>
  `/t/${part(slug)}/spending.csv?month=${part(month)}`

export const ledgerUrl = (slug: string, month: string, before?: string) =>
  `/t/${part(slug)}/ledger?month=${part(month)}${before ? `&before=${part(before)}` : ''}`

export const correctionsUrl = (slug: string, month: string) =>
  `/t/${part(slug)}/corrections?month=${part(month)}`

export const ledgerCsvUrl = (slug: string, month: string) =>
  `/t/${part(slug)}/ledger.csv?month=${part(month)}`

export const auditCsvUrl = (slug: string) => `/t/${part(slug)}/audit.csv`

export const joinUrl = (token: string) => `/t/join/${part(token)}`
/** The addresses that the pages of the queue link to. */
export const queueUrl = '/admin/queue'

/** What runs by itself; `run` or `pause` asks the question about that one first. */
export const schedulesUrl = (ask: { run?: string; pause?: string }) => {
  const [[verb, name] = []] = Object.entries(ask)
  return `/admin/queue/schedules${verb && name ? `?${verb}=${part(name)}` : ''}`
}

export const jobUrl = (jobId: string) => `/admin/queue/${part(jobId)}`

export const claimsUrl = (workshop: string, claimId: string) =>
  `/admin/w/${part(workshop)}?text=${part(claimId)}`

export const queueExportUrl = (search: string, format: 'csv' | 'json') =>
  `/admin/queue/export${search}${search ? '&' : '?'}format=${format}`
