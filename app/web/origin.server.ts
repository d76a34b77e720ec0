/**
 * Guards against cross-site requests. Compares with our own configuration, never with Host or
 * X-Forwarded-Host, which the sender controls.
 */

/** Reading is always allowed. Anything else must state that it comes from our own pages. */
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
