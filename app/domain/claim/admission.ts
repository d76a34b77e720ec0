/**
 * Who may claim: a pure function of the workshop, the person, what staff granted them, the
 * operator's switch and the time. The pause is a row, and read where the claim is written; so is the
 * code, which is compared there.
 */
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'

export type Claimant = {
  userId: string
  displayName: string
  emailNormalized: string | null
  /** The provider one is signed in with now. */
  provider: 'github' | 'google'
  banned: { reason: string | null } | null
  githubAccountCreatedAt: Date | null
  /** Of their linked GitHub accounts at the last sign-in, in lower case; absent: none. */
  githubLogins?: readonly string[]
}

export type AdmissionRefusal =
  | 'not-open-yet'
  | 'closed'
  | 'ended'
  | 'wrong-provider'
  | 'no-verified-email'
  | 'banned'
  | 'switched-off'
  | EntryRule

/** What the organizers can grant, whatever the file says. */
export type EntryRule = 'account-too-new' | 'wrong-domain' | 'not-on-roster'

/** What is known of a person's entry besides the file. */
export type Entry = {
  /** Staff let this person in: the rules of entry do not bind. */
  granted: boolean
  /** Their address as rosters of this workshop may have it. */
  addressHashes: readonly string[]
}

export type AdmissionInput = {
  workshop: Workshop
  person: Claimant
  provisioningEnabled: boolean
  /**
   * MAX_TOTAL_KEYS as it was read: 0 when it is missing, zero or malformed. Only giveaways ask for
   * it.
   */
  maxTotalKeys: number
  now: Date
  entry?: Entry
}

/** Null means admitted. Reasons that the person can act on come first. */
export function admit({
  workshop,
  person,
  provisioningEnabled,
  maxTotalKeys,
  now,
  entry,
}: AdmissionInput): AdmissionRefusal | null {
  const window = windowState(workshop, now)
  if (window === 'closed') return 'closed'
  if (window === 'upcoming') return 'not-open-yet'
  const obstacle = obstacleOf({ workshop, person, now, entry })
  if (obstacle) return obstacle.reason
  if (!provisioningEnabled) return 'switched-off'
  // A giveaway's limits are all off by default: a missing switch never means "unlimited".
  if (
    workshop.kind === 'giveaway' &&
    (!workshop.acknowledgedTerms || maxTotalKeys < 1 || workshop.maxKeys === null)
  )
    return 'switched-off'
  return null
}

/** What stands between this person and a claim, also before claims open. */
export type Obstacle =
  | { reason: 'banned' | 'wrong-provider' | 'no-verified-email' | 'wrong-domain' | 'not-on-roster' }
  /** `until` is when the account is old enough; null where its age is unknown. */
  | { reason: 'account-too-new'; until: Date | null }

/** Known before a claim: the page says it in place of a button that would be refused. */
export function obstacleOf({
  workshop,
  person,
  now,
  entry = { granted: false, addressHashes: [] },
}: Pick<AdmissionInput, 'workshop' | 'person' | 'now' | 'entry'>): Obstacle | null {
  if (person.banned) return { reason: 'banned' }
  if (!workshop.providers.includes(person.provider)) return { reason: 'wrong-provider' }
  if (workshop.kind === 'workshop' && person.emailNormalized === null)
    return { reason: 'no-verified-email' }
  if (entry.granted) return null
  if (!isDomainAllowed(workshop, person)) return { reason: 'wrong-domain' }
  if (!isOnRoster(workshop, person, entry.addressHashes)) return { reason: 'not-on-roster' }
  if (workshop.minAccountAgeMs === null) return null
  const made = person.githubAccountCreatedAt
  const until = made && new Date(made.getTime() + workshop.minAccountAgeMs)
  return until && until <= now ? null : { reason: 'account-too-new', until }
}

/** Whether the file has a rule that a grant lifts. */
export const hasEntryRules = (workshop: Workshop): boolean =>
  workshop.allowedDomains.length > 0 ||
  workshop.roster !== null ||
  workshop.minAccountAgeMs !== null ||
  workshop.roomCode !== null

/** `example.org` is that domain alone, `*.example.org` its subdomains alone. */
function isDomainAllowed({ allowedDomains }: Workshop, { emailNormalized }: Claimant): boolean {
  if (allowedDomains.length === 0) return true
  const domain = emailNormalized?.slice(emailNormalized.lastIndexOf('@') + 1) ?? ''
  return allowedDomains.some((allowed) =>
    allowed.startsWith('*.')
      ? domain.endsWith(allowed.slice(1)) && domain.length > allowed.length - 1
      : domain === allowed,
  )
}

function isOnRoster(
  { roster }: Workshop,
  { githubLogins = [] }: Claimant,
  addressHashes: readonly string[],
): boolean {
  if (roster === null) return true
  return (
    githubLogins.some((login) => roster.logins.has(login)) ||
    addressHashes.some((hash) => roster.hashes.has(hash))
  )
}
