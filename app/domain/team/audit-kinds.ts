/** The kinds of a team's events: the first part of their action. */
export const auditKinds = [
  'sub-key',
  'key',
  'budget',
  'member',
  'invitation',
  'vault',
  'team',
] as const
