/**
 * What each role of a team may do. Pages ask here what to show; whatever acts asks again inside its
 * transaction, under the lock that keeps the answer true.
 */
export const memberRoles = ['owner', 'finance', 'member', 'viewer'] as const
/** The roles of people. */
export type PersonRole = (typeof memberRoles)[number]
/** A service account has one of its own, for good: it holds keys for machines, and is nobody. */
export type MemberRole = PersonRole | 'service'

/** The user id of a service account; that of no person begins so. */
export const serviceUserId = (id: string) => `service:${id}`
export const isServiceAccount = (userId: string) => userId.startsWith('service:')

/** Sees everybody's money and the audit trail, and changes budgets. */
export const mayHandleMoney = (role: MemberRole) => role === 'owner' || role === 'finance'

/** Sees what the team spends: everybody but a member, who sees their own. */
export const maySeeTeamMoney = (role: MemberRole) => role !== 'member' && role !== 'service'

/** Has a budget and makes keys within it. */
export const mayHoldKeys = (role: MemberRole) => role !== 'viewer'
