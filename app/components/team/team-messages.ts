/** Messages about teams and their members. */
import type { InvitationView } from '~/domain/team/invitations.server'
import type { ServiceAccountOutcome } from '~/domain/team/service-accounts.server'
import type { CreateOutcome, MemberOutcome } from '~/domain/team/team.server'
import { maxNameLength } from '~/domain/team/service-name'
import { anyAmount } from './amount-messages'

type Refusal<Outcome extends { kind: string }> = Extract<
  Outcome,
  { kind: 'refused'; reason: string }
>['reason']

export const newTeamProblems: Record<
  Refusal<CreateOutcome>,
  { field: 'name' | 'slug'; message: string }
> = {
  'bad-name': { field: 'name', message: 'Enter a name of 1 to 80 characters.' },
  'bad-slug': {
    field: 'slug',
    message:
      'Use lowercase letters, digits and single hyphens, at most 40 characters. ' +
      '“new” and “join” are reserved.',
  },
  'slug-taken': {
    field: 'slug',
    message: 'Another team uses this address. Choose a different one.',
  },
  'too-many': {
    field: 'name',
    message: 'You have made 20 teams, which is the maximum for one person.',
  },
  banned: {
    field: 'name',
    message: 'You cannot make a team on this deployment. Ask its operator why.',
  },
}

export const invitationStates: Record<
  Exclude<InvitationView['snapshot'], 'open'>,
  { title: string; next: string }
> = {
  used: {
    title: 'This invitation has been used',
    next: 'A link works once. Ask an owner of the team for a new one. If you did not use it, tell them.',
  },
  revoked: {
    title: 'This invitation was revoked',
    next: 'Ask an owner of the team for a new one.',
  },
  expired: {
    title: 'This invitation has expired',
    next: 'A link is valid for seven days. Ask an owner of the team for a new one.',
  },
}

export const joinProblems = {
  banned: {
    title: 'You cannot join a team here',
    next: 'Ask the operator of this deployment why.',
  },
  'other-address': {
    title: 'This invitation is for another email address',
    next: 'Sign in with the account that has this address, or ask an owner for a new invitation.',
  },
  'not-open': {
    title: 'This invitation no longer works',
    next: 'Somebody used or revoked it a moment ago.',
  },
}

export const closeProblems = {
  'not-confirmed': 'This is not the address of the team. Nothing was closed.',
  'no-reason': 'Enter a reason of 1 to 500 characters. Nothing was closed.',
}

export const leaveProblems = {
  unsure: {
    title: 'You are still in the team',
    next: 'Tick the box to confirm. Leaving ends your keys at once.',
  },
  'last-owner': {
    title: 'You are the only owner, so you cannot leave',
    next: 'Make somebody else an owner on the members page first.',
  },
  gone: { title: 'You have already left', next: 'Reload the page.' },
}

const notDecided = {
  'not-open': { title: 'This request is already decided', next: null },
  'reason-too-long': {
    title: 'The reason is too long',
    next: 'Use at most 500 characters. Nothing was decided.',
  },
  'month-changed': {
    title: 'A new month has begun',
    next: 'Nothing was decided. What you approve now counts from this month on.',
  },
} as const

/** Why a budget request was not decided; null for an answer about something else. */
export const notDecidedMessage = (kind: string) =>
  Object.hasOwn(notDecided, kind) ? notDecided[kind as keyof typeof notDecided] : null

export const tableProblems = {
  nothing: {
    title: 'No new budget is entered',
    next: 'Enter at least one amount. Nothing was changed.',
  },
  'bad-budget': {
    title: 'An entry is not an amount',
    next: `${anyAmount} It is marked below. Nothing was changed.`,
  },
  'no-reason': {
    title: 'A reason is missing',
    next: 'Enter a reason. It is recorded in the audit trail. Nothing was changed.',
  },
  'month-changed': {
    title: 'A new month has begun',
    next: 'Nothing was changed. Check the preview again.',
  },
  stale: {
    title: 'Somebody changed one of these budgets in the meantime',
    next: 'Nothing was changed. The table shows the present budgets and what you entered: preview it again.',
  },
}

export const memberProblems: Record<
  Refusal<MemberOutcome> | 'no-reason' | 'bad-budget' | 'month-changed' | 'stale' | 'no-budget',
  { title: string; next: string }
> = {
  'no-reason': {
    title: 'A reason is missing',
    next: 'Enter a reason. It is recorded in the audit trail. Nothing was changed.',
  },
  'month-changed': {
    title: 'A new month has begun',
    next: 'Nothing was changed. Preview the budget again, then set it.',
  },
  stale: {
    title: 'Somebody changed this in the meantime',
    next: 'Nothing was changed. This page shows the present amounts.',
  },
  'bad-budget': { title: 'The budget is not an amount', next: `${anyAmount} Nothing was changed.` },
  'no-budget': {
    title: 'This person has no budget',
    next: 'They are a viewer now, or have left the team. Nothing was changed.',
  },
  'no-such-member': {
    title: 'This person is no longer in the team',
    next: 'Nothing was changed.',
  },
  'last-owner': {
    title: 'This member is the only owner',
    next: 'Make somebody else an owner first.',
  },
  'nothing-to-do': {
    title: 'Nothing to change',
    next: 'The member already has this role or state.',
  },
  'no-role': {
    title: 'A service account has no other role',
    next: 'Nothing was changed.',
  },
}

export const serviceAccountProblems: Record<
  Refusal<ServiceAccountOutcome> | 'bad-budget',
  { field: 'name' | 'budget'; message: string }
> = {
  'bad-name': { field: 'name', message: `Enter a name of 1 to ${maxNameLength} characters.` },
  'name-taken': {
    field: 'name',
    message: 'Another service account of this team has this name. Choose a different one.',
  },
  'too-many': {
    field: 'name',
    message: 'This team has 50 service accounts, which is the maximum. Close one first.',
  },
  'bad-budget': { field: 'budget', message: anyAmount },
}
