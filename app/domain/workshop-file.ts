/**
 * A workshop is what one file says: who may claim a key, when, and what such a key is worth.
 * Guarantee: a `Workshop` has passed every rule of `workshop/parse.ts`. It says nothing about
 * claims already made; their rows do.
 */
import type { NanoUsd } from '~/money'

export type WorkshopKind = 'workshop' | 'giveaway'

export type KeyLimitReset = 'daily' | 'weekly' | 'monthly'

export type WorkshopProvider = 'github' | 'google'

/** The tools that a key's page has a way into. */
export const toolIds = [
  'curl',
  'python',
  'typescript',
  'claude-code',
  'codex',
  'opencode',
  'aider',
  'cursor',
  'continue',
  'goose',
] as const

export type ToolId = (typeof toolIds)[number]

/** Who is on the list: GitHub logins in lower case, and hashes of addresses. Never an address. */
export type Roster = { logins: ReadonlySet<string>; hashes: ReadonlySet<string> }

export type Organizer = { name: string; email: string | null; url: string | null }

export type Workshop = {
  slug: string
  kind: WorkshopKind
  title: string
  claimsOpenAt: Date | null
  claimsCloseAt: Date | null
  allowedModels: string[]
  poolLimit: NanoUsd | null
  keyLimit: NanoUsd
  keyLimitReset: KeyLimitReset | null
  /** Exactly one of `keyExpiresAt` and `keyExpiresInMs` is set. */
  keyExpiresAt: Date | null
  keyExpiresInMs: number | null
  providers: WorkshopProvider[]
  marketingOptIn: string | null
  maxKeys: number | null
  /** Keys that are made before anybody asks; only with `keyExpiresAt`. Null: each is made when claimed. */
  premint: number | null
  description: string | null
  venue: string | null
  /** An IANA name; `UTC` where the file names none. */
  timezone: string
  organizer: Organizer | null
  /**
   * Who may see and act in this workshop and in no other: verified addresses, and GitHub logins
   * without a sign. Lower case.
   */
  organizers: string[]
  docsUrl: string | null
  acknowledgedTerms: boolean
  /** How old the GitHub account must be. */
  minAccountAgeMs: number | null
  /** Domains of verified addresses that may come in, `*.` before those of subdomains; empty: all. */
  allowedDomains: string[]
  /** Null where anybody may come in. */
  roster: Roster | null
  /** More of the roster, in a file outside the repository. Read when a process starts. */
  rosterFile: string | null
  /** Workshops only: a claim needs the code that the organizers show, a new one every minute. */
  roomCode: 'rotating' | null
  /** False: only people with the address find it. */
  listed: boolean
  /** Giveaways only: how long after a key ended the next may be claimed. */
  cooldownMs: number | null
  /** Giveaways only: a repository that people are asked to star. Never a condition. */
  repositoryUrl: string | null
  /** Up to three tools that a key's page shows first; empty: its own choice. */
  tools: ToolId[]
  /** A person whose key runs low may request more, which staff approve or refuse. */
  askForMore: boolean
  /** Keymint posts a line of its own when credits, pool or provider endanger the keys. */
  announceProblems: boolean
  /** Everybody who sees the wall sees which part of the pool is spent. */
  wallShowsSpending: boolean
  /** A full workshop offers a place in line, and a seat that frees goes to the next. */
  waitlist: boolean
  /** A key that was not used so long after it was made goes back to the line; null: never. */
  releaseUnusedAfterMs: number | null
  /**
   * A key that spends so fast that its whole limit would be gone within so many minutes gets a hold;
   * null: never.
   */
  pauseOnRunawayMinutes: number | null
}
/**
 * What is wrong with a workshop file, so that its author can correct it without asking.
 */
export type Problem = {
  file: string
  /** Counted from 1, as editors do. */
  line: number
  column?: number
  field: string
  message: string
  remedy: string
}

export type WorkshopCatalog = {
  workshops: Map<string, Workshop>
  /** Slugs whose file has an error: the page says so instead of 404. */
  broken: Set<string>
  problems: Problem[]
  warnings: Problem[]
}

/** What bounds the claims of a workshop together. */
export type PoolCaps = {
  limit: NanoUsd | null
  maxKeys: number | null
  /**
   * The most seats of all giveaways together (MAX_TOTAL_KEYS); null for a workshop, which does not
   * count there.
   */
  totalKeys: number | null
}
