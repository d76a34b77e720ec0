/**
 * What pages show of a workshop. Everything here may reach the browser: no secret, no other
 * person's data.
 */
import type { MoneyView } from '../money-view'
import type { ToolId } from '../workshop-file'

export type PausedView = {
  cause: 'provisioning-off' | 'giveaways-off' | 'paused'
  /** What staff wrote when they paused. */
  reason: string | null
  since: string | null
}

export type AnnouncementCause = 'credits' | 'pool' | 'provider'

/** One line to everybody in a workshop. Keymint's own has a cause, for which the pages have the line. */
export type AnnouncementView = {
  id: string
  /** Moved by every edit. */
  revision: number
  cause: AnnouncementCause | null
  line: string | null
  postedAt: string
  endsAt: string | null
}

export type WorkshopView = {
  slug: string
  title: string
  kind: 'workshop' | 'giveaway'
  description: string | null
  venue: string | null
  /** IANA zone of the event; times below are ISO UTC. */
  timezone: string | null
  organizer: { name: string | null; email: string | null; url: string | null } | null
  docsUrl: string | null
  window: 'upcoming' | 'open' | 'closed'
  /**
   * When staff ended it before its time (ISO UTC); the window is closed then, whatever the file
   * says.
   */
  endedAt: string | null
  opensAt: string | null
  closesAt: string | null
  providers: ('github' | 'google')[]
  allowedModels: string[]
  keyLimit: MoneyView
  keyLimitReset: 'daily' | 'weekly' | 'monthly' | null
  /** When a key claimed now would end (ISO UTC). */
  keyExpiresAt: string
  /** It ends so long after its claim, not at one moment for all. */
  keyExpiryIsRelative: boolean
  marketingOptIn: string | null
  seats: { total: number; left: number }
  /** Null where a full workshop offers no place in line. */
  waitlist: { waiting: number } | null
  pool: { limit: MoneyView; committed: MoneyView } | null
  /** Set when nobody can claim for a reason of the operator; a pause may come with a reason. */
  paused: PausedView | null
  /**
   * Giveaways only: a repository that one may star, and how long after an end the next claim waits.
   * For all: how old an account must be.
   */
  repositoryUrl: string | null
  cooldownMs: number | null
  minAccountAgeMs: number | null
  /** Who may come in, as everybody may read it: nothing of a roster but that there is one. */
  entry: {
    /** As people write them; `*.` before those of subdomains. Empty: all. */
    domains: string[]
    roster: boolean
    code: boolean
  }
  /** False: search engines are asked to leave the page out. */
  listed: boolean
  /** What a key's page shows first; empty: its own choice. */
  tools: ToolId[]
  /** What staff or Keymint tell everybody now: at most two lines, the one of staff first. */
  announcements: AnnouncementView[]
  /** ISO UTC, the moment the server looked. */
  asOf: string
}

/** What changes of a workshop while its page is open. `next` is when to look again; null: never. */
export type WorkshopPulse = Pick<
  WorkshopView,
  | 'window'
  | 'endedAt'
  | 'opensAt'
  | 'closesAt'
  | 'seats'
  | 'waitlist'
  | 'paused'
  | 'keyExpiresAt'
  | 'announcements'
  | 'asOf'
> & { next: number | null }
