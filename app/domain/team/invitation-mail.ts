/** The letter that carries an invitation: what it is, from whom, and what to do with it. */
export function invitationMail(input: {
  teamName: string
  invitedBy: string
  role: 'owner' | 'member'
  url: string
  days: number
}): { subject: string; text: string } {
  // Names are what people typed: a line break in one would forge a header or another line.
  const [team, by] = [input.teamName, input.invitedBy].map((name) =>
    name.replace(/\s+/g, ' ').trim(),
  ) as [string, string]
  return {
    subject: `Join ${team} on Keymint`,
    text: [
      `${by} invites you to the team “${team}” on Keymint, as ${input.role === 'owner' ? 'an owner' : 'a member'}.`,
      '',
      `Open this link and sign in to join:`,
      '',
      input.url,
      '',
      `The link works once, and for ${input.days} days. If you do not know what this is about, leave it alone: nothing happens.`,
      '',
    ].join('\n'),
  }
}
