/**
 * The guard against requests that another site makes in this browser's name. Compared with our own
 * configuration, never with Host or X-Forwarded-Host, which whoever sends the request may have
 * written.
 */

/**
 * Reading is always allowed. Anything else must come from our own pages: a request that does not
 * say so is refused.
 */
export function isSameOrigin(
  request: {
    method: string
    secFetchSite: string | null | undefined
    origin: string | null | undefined
  },
  appOrigin: string,
): boolean {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method.toUpperCase())) return true
  // Browsers send no Sec-Fetch-Site over plain http (other than to localhost): then Origin decides.
  if (request.secFetchSite) return request.secFetchSite === 'same-origin'
  return request.origin === appOrigin
}
