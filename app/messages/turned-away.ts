/** Why people who came for a key got none, to stand after a number. */
const reasons: Record<string, string> = {
  full: 'the workshop was full',
  paused: 'key creation was paused',
  'switched-off': 'key creation was disabled',
  closed: 'claims were closed',
  ended: 'the workshop had ended',
  'not-open-yet': 'claims were not open yet',
  'wrong-provider': 'they signed in with a provider that the workshop does not accept',
  'no-verified-email': 'they have no verified address',
  'account-too-new': 'their account is too new',
  'wrong-domain': 'their address is of another domain',
  'not-on-roster': 'they are not on the roster',
  'code-needed': 'they gave no code',
  'code-wrong': 'their code was wrong',
  'code-limit': 'they tried too many codes',
  'email-already-claimed': 'somebody had claimed with their address',
  'had-one-before': 'they had a key before',
  banned: 'they are banned',
  spent: 'their limit was used',
}

export const turnedAwayReason = (reason: string) => reasons[reason] ?? reason.replaceAll('-', ' ')
