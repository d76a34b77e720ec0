/**
 * One spelling per mailbox, so that one person cannot claim twice and two people are never taken
 * for one.
 */
import { domainToASCII } from 'node:url'
import { asciiLowerCase } from '../ascii'

/**
 * The spelling by which two addresses are compared, or null for what is not an address.
 * Dots and tags are dropped for Gmail alone: elsewhere they may name another person's mailbox.
 */
export function normalizeEmail(text: string): string | null {
  const trimmed = text.trim()
  const at = trimmed.lastIndexOf('@')
  const local = asciiLowerCase(trimmed.slice(0, Math.max(at, 0)))
  const domain = asciiDomain(trimmed.slice(at + 1))
  if (at < 1 || trimmed.length > 320 || !domain || !isLocalPart(local)) return null
  if (domain !== 'gmail.com' && domain !== 'googlemail.com') return `${local}@${domain}`
  const mailbox = local.replace(/\+.*$/s, '').replaceAll('.', '')
  return mailbox ? `${mailbox}@gmail.com` : null
}

// Not normalised to NFC either: that too turns the Kelvin sign into a "K".
function isLocalPart(local: string): boolean {
  return local.length > 0 && !/[\s@\p{Cc}\p{Cf}]/u.test(local)
}

function asciiDomain(text: string): string | null {
  const name = text.replace(/\.$/, '')
  // domainToASCII reads its input as a URL's host: keep out what only a URL gives a meaning to.
  if (!/^[\p{L}\p{M}\p{N}.。．｡-]+$/u.test(name)) return null
  const domain = domainToASCII(name)
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain) ? domain : null
}
