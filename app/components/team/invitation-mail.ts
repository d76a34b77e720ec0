/** The email that carries an invitation. */
import type { PersonRole } from '~/domain/money/roles'
import { asRole } from './role-messages'

export function invitationMail(input: {
  teamName: string
  invitedBy: string
  role: PersonRole
  url: string
  days: number
}): { subject: string; text: string } {
  // People type these names: a line break in one would forge a header or another line.
  const [team, by] = [input.teamName, input.invitedBy].map((name) =>
    name.replace(/\s+/g, ' ').trim(),
  ) as [string, string]
  const role = asRole[input.role]
  return {
    // Fixed words: what somebody typed must not become the line that a stranger reads first.
    subject: 'An invitation to a team on Keymint',
    text: [
      `${by} invites you to the team “${team}” on Keymint, as ${role}.`,
      '',
      `Open this link and sign in to join:`,
      '',
      input.url,
      '',
      `The link works once, for ${input.days} days.`,
      'If you did not expect this email, ignore it.',
      '',
    ].join('\n'),
  }
}
