/**
 * What a team tells people: the kinds of notifications, what of them each person may choose, and who
 * gets one. Pure. Sentences are in messages/team-notices.ts.
 */
import type { MoneyView } from '../money-view'
import {
  isServiceAccount,
  mayHandleMoney,
  mayHoldKeys,
  maySeeTeamMoney,
  type MemberRole,
} from '../money/roles'

type Whose = { userId: string; name: string }
export type TeamRef = { slug: string; name: string }

/** What a notification says, as codes and values. No text that somebody wrote for a reader. */
export type TeamFacts = { team: TeamRef } & (
  | ({ kind: 'request'; more: MoneyView } & Whose)
  | ({
      kind: 'decided'
      decision: 'approved' | 'refused'
      by: string
      granted: MoneyView | null
      once: boolean
    } & Whose)
  | ({ kind: 'budget'; month: string; percent: number; left: MoneyView; of: MoneyView } & Whose)
  | ({ kind: 'dry'; month: string; on: string; left: MoneyView } & Whose)
  | ({ kind: 'key-ends'; keyId: string; purpose: string; endsAt: string } & Whose)
  | {
      kind: 'credential'
      service: string
      label: string
      reason: 'refused' | 'parked' | 'no-credit'
    }
)

/** In the order of the page. `may` says which roles are offered it; `on` is how it is without a choice. */
export const mailChoices = {
  decisions: { may: mayHoldKeys, on: true },
  'own-budget': { may: mayHoldKeys, on: true },
  'own-keys': { may: mayHoldKeys, on: true },
  requests: { may: mayHandleMoney, on: true },
  credentials: { may: mayHandleMoney, on: true },
  'service-accounts': { may: (role: MemberRole) => role === 'owner', on: true },
  'team-budgets': { may: maySeeTeamMoney, on: false },
  'team-keys': { may: (role: MemberRole) => role === 'owner', on: false },
} as const satisfies Record<string, { may: (role: MemberRole) => boolean; on: boolean }>

export type MailChoice = keyof typeof mailChoices
const mailChoiceNames = Object.keys(mailChoices) as MailChoice[]
export const isMailChoice = (name: string): name is MailChoice => Object.hasOwn(mailChoices, name)

/** By choice, where one was made. */
export type Chosen = Partial<Record<MailChoice, boolean>>

export const choicesOf = (role: MemberRole): MailChoice[] =>
  mailChoiceNames.filter((name) => mailChoices[name].may(role))

export const isWanted = (choice: MailChoice, chosen: Chosen): boolean =>
  chosen[choice] ?? mailChoices[choice].on

type Reader = { userId: string; role: MemberRole; chosen: Chosen }

/** Whether this active member gets this notification by mail. */
export function isForReader(facts: TeamFacts, { userId, role, chosen }: Reader): boolean {
  const choice = choiceFor(facts, { userId, role })
  return choice !== null && mailChoices[choice].may(role) && isWanted(choice, chosen)
}

/** Null where this person needs no mail: they did it themselves, or it is for somebody else. */
function choiceFor(
  facts: TeamFacts,
  { userId, role }: Pick<Reader, 'userId' | 'role'>,
): MailChoice | null {
  if (facts.kind === 'credential') return 'credentials'
  // A service account reads no mail: what is its own goes to the owners.
  if (isServiceAccount(facts.userId) && role === 'owner') return 'service-accounts'
  const own = facts.userId === userId
  switch (facts.kind) {
    case 'request':
      return own ? null : 'requests'
    case 'decided':
      return own && facts.by !== userId ? 'decisions' : null
    case 'budget':
    case 'dry':
      return own ? 'own-budget' : 'team-budgets'
    case 'key-ends':
      return own ? 'own-keys' : 'team-keys'
  }
}

/**
 * Whether the end of a cause is told. A request ends by its decision and a key by its end, which are
 * told as what they are; a month that is over has nothing to resolve.
 */
export function isEndTold(facts: TeamFacts, presentMonth: string): boolean {
  if (facts.kind === 'budget' || facts.kind === 'dry') return facts.month === presentMonth
  return facts.kind === 'credential'
}
