/** Labels and sentences of a team's Notifications page. */
import type { AddOutcome } from '~/domain/team/notice-page.server'
import type { MailChoice } from '~/domain/team/notices'
import { notFailed, sentAgain } from '~/messages/delivery-retry'

export const choiceLabels: Record<MailChoice, { label: string; hint: string }> = {
  decisions: {
    label: 'Decisions about your budget requests',
    hint: 'Approved or refused.',
  },
  'own-budget': {
    label: 'Your budget',
    hint: '80 % of it is spent, all of it is spent, or it is likely to be spent before the month ends.',
  },
  'own-keys': {
    label: 'Your keys that end soon',
    hint: 'A week before, and a day before. Not for keys that were made for a short time.',
  },
  requests: {
    label: 'Budget requests of members',
    hint: 'Somebody requests a higher budget.',
  },
  credentials: {
    label: 'Credentials',
    hint: 'A provider refuses one, its account has no credit, or Keymint has stopped it.',
  },
  'service-accounts': {
    label: 'Service accounts',
    hint: 'Their budgets, and their keys that end soon.',
  },
  'team-budgets': {
    label: 'Budgets of other members',
    hint: 'As for your own.',
  },
  'team-keys': {
    label: 'Keys of other members that end soon',
    hint: 'As for your own.',
  },
}

export const hookLabels = {
  webhook: {
    title: 'Signed webhook',
    address: 'Address of the webhook',
    gives: 'Keymint sends a POST with JSON, signed with a secret that you see once.',
    add: 'Add the webhook',
  },
  slack: {
    title: 'Slack webhook',
    address: 'Address of the incoming webhook',
    gives: 'Slack, Mattermost and Discord (with /slack at the end) take the same message.',
    add: 'Add the Slack webhook',
  },
} as const

const allowed = 'Enter an https address on the public internet.'

export const hookProblems: Record<
  Extract<AddOutcome, { kind: 'refused' }>['reason'] | 'no-address',
  string
> = {
  'no-address': 'Enter the address that the messages go to.',
  'not-an-address': 'This is not an address. Enter one such as https://hooks.example.org/keymint.',
  'not-https': `The address is not https. ${allowed}`,
  'not-plain': 'The address has a user, a password or a fragment in it. Enter it without.',
  'private-address': `The address is private. ${allowed}`,
  'there-already': 'The team has one of this kind. Remove it before you add another one.',
}

export const notificationNotices = {
  saved: { tone: 'ok', title: 'Your choices are saved', next: null },
  removed: {
    tone: 'ok',
    title: 'The webhook is removed',
    next: 'Nothing more is sent to it, and messages that waited for it are dropped.',
  },
  tested: {
    tone: 'plain',
    title: 'The test is on its way',
    next: 'Its answer appears below within seconds.',
  },
  'not-tested': {
    tone: 'warning',
    title: 'Nothing was sent',
    next: 'The receiver is gone, or may no longer be told anything.',
  },
  retried: sentAgain,
  'not-failed': notFailed,
} as const

export type NotificationNotice = keyof typeof notificationNotices
