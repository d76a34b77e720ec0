/**
 * What each role of a team may do. Pages ask here what to show; whatever acts asks again inside its
 * transaction, under the lock that keeps the answer true.
 */
export const memberRoles = ['owner', 'finance', 'member', 'viewer'] as const
export type MemberRole = (typeof memberRoles)[number]

/** Sees everybody's money and the audit trail, and changes budgets. */
export const mayHandleMoney = (role: MemberRole) => role === 'owner' || role === 'finance'

/** Sees what the team spends: everybody but a member, who sees their own. */
export const maySeeTeamMoney = (role: MemberRole) => role !== 'member'

/** Has a budget and makes keys within it. */
export const mayHoldKeys = (role: MemberRole) => role !== 'viewer'
