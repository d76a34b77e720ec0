/**
 * Alerts that leave Keymint. Promises: one message for each threshold that a subject passes and for
 * each receiver, one when it is over, none for what comes and goes. The database decides: one live
 * row for each subject, one delivery for each step. Whom it is for, what kinds there are and what
 * they mean is the caller's: conditions and recipients are data here. Staff's come from operations.
 */
import type { ChannelName, Recipient } from '~/adapters/alert-channels.server'

export type { AlertPost } from '~/adapters/alert-channels.server'

export const channelNames: ChannelName[] = ['webhook', 'slack', 'mail']

export type AlertSeverity = 'ok' | 'warning' | 'error'

/** Something that holds now. Of one kind and subject there is at most one at a time. */
export type Condition = {
  kind: string
  /** A workshop's slug or what a team is told about; empty for all. */
  subject: string
  threshold: string
  /** Of the threshold: higher is worse, and passing a higher one is told again. */
  rank: number
  severity: AlertSeverity
  /** Codes and values for the sentences, without secrets. */
  facts: object
  /** It must hold so long before anybody is told. */
  holdSeconds: number
  /** It must be gone so long before it counts as resolved; longer where it came back lately. */
  clearSeconds: number
  /** False: an alert that is there stays, and none is raised. */
  mayRaise?: boolean
}

/** Who is told one step: a person who has nothing to do with it is not. */
export type Told = (event: 'raised' | 'worse' | 'resolved', notice: Notice) => Recipient[]
export type Audience = { name: string; recipients: Recipient[] | Told }

export const staffAudience = 'staff'
const teamPrefix = 'team:'
export const teamAudience = (teamId: string) => `${teamPrefix}${teamId}`
/** Null for staff. */
export const teamOfAudience = (audience: string): string | null =>
  audience.startsWith(teamPrefix) ? audience.slice(teamPrefix.length) : null

export type AlertEvent = 'raised' | 'worse' | 'resolved' | 'digest' | 'test'

/** What one message says, as codes and values. */
export type Notice = {
  kind: string
  subject: string
  threshold: string
  severity: AlertSeverity
  openedAt: string | null
  resolvedAt: string | null
  facts: object
}

export type DigestItem = Notice & { alertId: string; event: 'raised' | 'worse' | 'resolved' }
export type Digest = { items: DigestItem[] }

/** A delivery as sentences are made from it. */
export type Message = {
  /** Of the delivery: every try has the same. */
  id: string
  audience: string
  event: AlertEvent
  alertId: string | null
  severity: AlertSeverity
  createdAt: string
  /** Of a test: whose it is. */
  about: object | null
  /** Null for a digest and a test. */
  notice: Notice | null
  items: DigestItem[]
}

/** Tries that one request for a delivery is good for: about an hour. */
export const maxTries = 12

/** Seconds until the next try after so many. */
export const backoffSeconds = (tries: number): number => Math.min(900, 5 * 2 ** (tries - 1))

/** An alert that came back so often within the hours before is given longer to be gone for good. */
export const flapHours = 6
const maxClearSeconds = 1_800
export const clearAfter = (seconds: number, flaps: number): number =>
  Math.min(Math.max(seconds, maxClearSeconds), seconds * 2 ** Math.min(flaps, 10))

/** Of what is stored with a delivery. */
export function messageOf(row: {
  id: string
  audience: string
  event: string
  alertId: string | null
  severity: string
  createdAt: Date
  notice: unknown
}): Message {
  const isDigest = row.event === 'digest'
  return {
    id: row.id,
    audience: row.audience,
    event: row.event as AlertEvent,
    alertId: row.alertId,
    severity: row.severity as AlertSeverity,
    createdAt: row.createdAt.toISOString(),
    about: row.event === 'test' ? (row.notice as object) : null,
    notice: row.alertId === null ? null : (row.notice as Notice),
    items: isDigest ? (row.notice as Digest).items : [],
  }
}
