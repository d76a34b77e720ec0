/** What events of a team are about: the beginning of their action. */
export const auditKinds = [
  'sub-key',
  'key',
  'budget',
  'member',
  'invitation',
  'vault',
  'team',
] as const
