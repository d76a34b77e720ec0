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
  if (person.banned) return 'banned'
  if (!workshop.providers.includes(person.provider)) return 'wrong-provider'
  if (workshop.kind === 'workshop' && person.emailNormalized === null) return 'no-verified-email'
  if (
    workshop.minAccountAgeMs !== null &&
    (person.githubAccountCreatedAt === null ||
      now.getTime() - person.githubAccountCreatedAt.getTime() < workshop.minAccountAgeMs)
  )
    return 'account-too-new'
  if (!provisioningEnabled) return 'switched-off'
  // Each of a giveaway's switches is off by default: a missing one never means "unlimited".
  if (
    workshop.kind === 'giveaway' &&
    (!workshop.acknowledgedTerms || maxTotalKeys < 1 || workshop.maxKeys === null)
  )
    return 'switched-off'
  return null
}
