/** Labels of claims on the pages for staff, and of the columns of their export. */
import type { ClaimFilter } from '~/domain/claim/actions'
import type { ClaimSort } from '~/domain/staff/claim-list'

export const stateLabels = {
  pending: 'waiting',
  ready: 'ready',
  ended: 'ended',
  refused: 'refused',
} as const

export const stateTabs = {
  pending: 'Waiting',
  ready: 'Ready',
  ended: 'Ended',
  refused: 'Refused',
} as const

export const factLabels: Record<NonNullable<ClaimFilter['fact']>, string> = {
  unbound: 'Unbound',
  disabled: 'Disabled',
  missing: 'Missing',
  'over-limit': 'Limit reached',
}

export const sortLabels: Record<ClaimSort, string> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  used: 'Most used first',
  name: 'By name',
}

export const windowLabels = {
  daily: 'today',
  weekly: 'this week',
  monthly: 'this month',
} as const

const reasons: Record<string, string> = {
  expired: 'expired',
  revoked: 'revoked',
  'given-back': 'given back',
  closed: 'the workshop was ended',
  unused: 'never used, so its seat went to the waitlist',
  banned: 'the person is banned',
  cancelled: 'cancelled by staff',
  'rejected-by-provider': 'the provider refused the key',
  'expired-before-mint': 'expired before the key was created',
  'gave-up': 'too many tries without an answer',
}

/** Why a claim ended or was refused. */
export const reasonLabel = (reason: string) => reasons[reason] ?? reason

export const attemptLabels: Record<string, string> = {
  sent: 'no answer yet',
  saved: 'key saved',
  unknown: 'outcome unknown',
  refused: 'refused',
  condemned: 'condemned: its key, if there is one, is deleted',
}

export const claimColumnLabels = {
  reference: 'No.',
  name: 'Name',
  email: 'Email',
  provider: 'Signed in with',
  state: 'State',
  reason: 'Reason',
  claimedAt: 'Claimed at (UTC)',
  keyLabel: 'Key',
  keyHash: 'Key hash',
  boundAt: 'Guardrail assigned at (UTC)',
  limitUsd: 'Limit (USD)',
  limitReset: 'Limit resets',
  usedUsd: 'Used (USD)',
  usageAsOf: 'As of (UTC)',
  expiresAt: 'Ends at (UTC)',
  endedAt: 'Ended at (UTC)',
  disabled: 'Disabled',
  missingSince: 'Missing at the provider since (UTC)',
  optedIn: 'Opted in',
  claimId: 'Claim id',
} as const
