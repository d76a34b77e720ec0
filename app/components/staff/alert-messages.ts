/** Labels and sentences of /admin/alerts. */
import type { DeliveryView } from '~/domain/alerts/read.server'
import type { Tone } from '~/tone'

type Channel = DeliveryView['channel']

export const channelLabels: Record<Channel, string> = {
  webhook: 'Webhook',
  slack: 'Slack webhook',
  mail: 'Mail',
}

/** What each channel is configured with. */
export const channelVariables: { channel: Channel; variables: string[]; gives: string }[] = [
  {
    channel: 'webhook',
    variables: ['ALERT_WEBHOOK_URL', 'ALERT_WEBHOOK_SECRET'],
    gives: 'a signed POST with JSON',
  },
  {
    channel: 'slack',
    variables: ['ALERT_SLACK_URL'],
    gives: 'an incoming webhook of Slack, Mattermost or whatever takes the same',
  },
  {
    channel: 'mail',
    variables: ['ALERT_MAIL_TO', 'SMTP_URL'],
    gives: 'mail to one address or more',
  },
]

export const severityLabels = { ok: 'Information', warning: 'Warning', error: 'Error' } as const

const failures: Record<string, string> = {
  refused: 'The receiver refused it',
  redirected: 'The receiver redirected, and Keymint follows no redirect',
  'server-error': 'The receiver failed',
  timeout: 'The receiver did not answer in time',
  unreachable: 'The receiver could not be reached',
  'connection-lost': 'The connection was lost before the answer came',
  'address-refused': 'Its address is private and ALLOW_PRIVATE_SERVICES does not list it',
  'answer-too-long': 'The receiver answered with too much',
  unreadable: 'An older version stored it, and this one cannot read it',
  'not-configured': 'This channel is no longer configured',
}

const failureLabel = (reason: string) => failures[reason] ?? reason

type State = { label: string; tone: Tone | 'plain' }

export function stateOf({ state, reason, sending }: DeliveryView): State {
  switch (state) {
    case 'sent':
      return { label: 'Delivered', tone: 'ok' }
    case 'failed':
      return { label: 'Failed', tone: 'error' }
    case 'held':
      return { label: 'Held until your quiet hours end', tone: 'plain' }
    case 'digested':
      return { label: 'Sent in a digest', tone: 'plain' }
    case 'waiting':
      if (sending) return { label: 'Sending', tone: 'plain' }
      return reason === null
        ? { label: 'Waiting', tone: 'plain' }
        : { label: 'Retrying automatically', tone: 'warning' }
  }
}

/** What the receiver said last: "HTTP 200 in 120 ms". Null before the first answer. */
export function answerLine({
  channel,
  status,
  reason,
  ranMs,
  answeredAt,
}: DeliveryView): string | null {
  if (answeredAt === null) return null
  const code = status === null ? null : `${channel === 'mail' ? 'SMTP' : 'HTTP'} ${status}`
  const failure = reason === null ? null : failureLabel(reason)
  const what = [failure, code].filter((part) => part !== null).join(': ') || 'Accepted'
  return ranMs === null ? what : `${what}, in ${ranMs.toLocaleString('en-US')} ms`
}
