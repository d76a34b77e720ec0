/** The addresses of a team. */
export const teamUrl = (
  slug: string,
  page: 'dashboard' | 'my-keys' | 'store' | 'vault' | 'members' | 'audit',
) => `/t/${slug}/${page}`
export const memberUrl = (slug: string, userId: string) =>
  `/t/${slug}/members/${encodeURIComponent(userId)}`
export const subKeyUrl = (slug: string, keyId: string) => `/t/${slug}/keys/${keyId}`
export const subKeyRevealUrl = (slug: string, keyId: string) => `/t/${slug}/keys/${keyId}/reveal`
export const auditCsvUrl = (slug: string) => `/t/${slug}/audit.csv`
export const joinUrl = (token: string) => `/t/join/${token}`
