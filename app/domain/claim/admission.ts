/**
 * Who may claim: a pure function of the workshop, the person, the operator's switch and the time.
 * The pause is a row, and read where the claim is written.
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
}

export type AdmissionRefusal =
  | 'not-open-yet'
  | 'closed'
  | 'ended'
  | 'wrong-provider'
  | 'no-verified-email'
  | 'banned'
  | 'switched-off'
  | 'account-too-new'

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
}

/** Null means admitted. Reasons that the person can act on come first. */
export function admit({
  workshop,
  person,
  provisioningEnabled,
  maxTotalKeys,
  now,
}: AdmissionInput): AdmissionRefusal | null {
  const window = windowState(workshop, now)
  if (window === 'closed') return 'closed'
  if (window === 'upcoming') return 'not-open-yet'
  const obstacle = obstacleOf({ workshop, person, now })
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
  | { reason: 'banned' | 'wrong-provider' | 'no-verified-email' }
  /** `until` is when the account is old enough; null where its age is unknown. */
  | { reason: 'account-too-new'; until: Date | null }

/** Known before a claim: the page says it in place of a button that would be refused. */
export function obstacleOf({
  workshop,
  person,
  now,
}: Pick<AdmissionInput, 'workshop' | 'person' | 'now'>): Obstacle | null {
  if (person.banned) return { reason: 'banned' }
  if (!workshop.providers.includes(person.provider)) return { reason: 'wrong-provider' }
  if (workshop.kind === 'workshop' && person.emailNormalized === null)
    return { reason: 'no-verified-email' }
  if (workshop.minAccountAgeMs === null) return null
  const made = person.githubAccountCreatedAt
  const until = made && new Date(made.getTime() + workshop.minAccountAgeMs)
  return until && until <= now ? null : { reason: 'account-too-new', until }
}
