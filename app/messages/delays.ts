/** Why somebody still waits for a key, to stand inside a sentence. */
const delays: Record<string, string> = {
  'no-worker': 'no worker is running',
  parked: 'the provider account is parked',
  paused: 'key creation is paused',
  'queue-paused': 'the queue that creates keys is paused',
  'switched-off': 'key creation is disabled',
  'rate-limited': 'the provider asked us to slow down',
  'no-credit': 'the provider account has no credit',
  unauthorized: 'the provider did not accept the management key',
  forbidden: 'the management key may not create keys',
  'no-workspace': 'the provider has no workspace to make keys in',
  unreachable: 'the provider could not be reached',
  timeout: 'the provider did not answer in time',
  'connection-lost': 'the connection to the provider broke',
  'server-error': 'the provider had an error',
  'upstream-trouble': 'the provider had an error',
}

export const delayLabel = (reason: string) => delays[reason] ?? reason.replaceAll('-', ' ')
