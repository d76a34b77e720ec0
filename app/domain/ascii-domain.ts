/** One spelling per domain: the one that mail servers use. */
import { domainToASCII } from 'node:url'

/** In lower case and ASCII, without a last dot; null for what is not a domain. */
export function asciiDomain(text: string): string | null {
  const name = text.replace(/\.$/, '')
  // domainToASCII reads its input as a URL's host: keep out what only a URL gives a meaning to.
  if (!/^[\p{L}\p{M}\p{N}.。．｡-]+$/u.test(name)) return null
  const domain = domainToASCII(name)
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain) ? domain : null
}
