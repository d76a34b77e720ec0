/**
 * One spelling per mailbox, so that one person cannot claim twice and two people are never taken
 * for one.
 */
import { asciiLowerCase } from '../ascii'
import { asciiDomain } from '../ascii-domain'

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
