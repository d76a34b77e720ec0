/** The roles of a team, as sentences say them. */
import type { MemberRole, PersonRole } from '~/domain/money/roles'

/** "You join as a member". */
export const asRole: Record<MemberRole, string> = {
  owner: 'an owner',
  finance: 'finance',
  member: 'a member',
  viewer: 'a viewer',
  service: 'a service account',
}

/** A member's name in a list; a service account says that it is one. */
export const memberLabel = (name: string, isService: boolean) =>
  isService ? `${name} (service account)` : name

export const roleChoices: { value: PersonRole; label: string }[] = [
  { value: 'member', label: 'member: makes keys within a budget' },
  { value: 'finance', label: 'finance: also sees all spending and changes budgets' },
  { value: 'viewer', label: 'viewer: sees what the team spends, has no budget' },
  { value: 'owner', label: 'owner: also manages people, keys and the vault' },
]

/** What somebody sees and does in a role, said of the reader. */
export const roleDuties: Record<PersonRole, string | null> = {
  owner:
    'As an owner you set budgets, invite and remove people, and manage the credentials and all keys.',
  finance:
    'In finance you see what everybody spends and the audit trail, and you change budgets. ' +
    'You see no credentials and no keys of others.',
  member: null,
  viewer: 'As a viewer you see what the team spends. You have no budget and make no keys.',
}
