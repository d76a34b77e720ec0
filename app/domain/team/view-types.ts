/** What pages show of sub-keys and budgets. All of it may reach the browser, so no secret is in it. */
import type { MoneyView } from '../money-view'
import type { ServiceTexts } from '~/adapters/service-adapter'
import type { Month } from '../money/month'

export type SubKeyPhase =
  'pending' | 'ready' | 'changing' | 'rotating' | 'settling' | 'ended' | 'refused'

/** What the service said about one key when somebody asked. `detail` is its own sentence. */
export type SubKeyTest = {
  result:
    | 'works'
    | 'spent'
    | 'disabled'
    | 'missing'
    | 'not-live'
    | 'no-credential'
    | 'credential-refused'
    | 'account-out-of-credit'
    | 'no-answer'
  left: MoneyView | null
  detail: string | null
}

export type SubKeyView = {
  id: string
  /** A short code that tells keys apart. */
  reference: string
  /** `service`: a service account, whose keys the owners of the team show and use. */
  holder: { userId: string; name: string; service: boolean }
  purpose: string
  /** What it is counted under; null for nothing. */
  project: string | null
  service: string
  /** Where requests with it are sent; null where the service has no such address. */
  baseUrl: string | null
  masterKeyLabel: string | null
  phase: SubKeyPhase
  /** Why it ended or was refused, as a code; `detail` is the provider's own sentence. */
  reason: string | null
  detail: string | null
  cap: MoneyView
  reset: 'monthly' | null
  /** Of the cap: in this month for a monthly key, else in total. */
  spent: MoneyView
  left: MoneyView
  /** What people corrected, negative where less was spent than the provider counts. Null where nothing was. */
  corrected: MoneyView | null
  /** Of the holder's budget, in all months that are not settled. */
  committed: MoneyView
  label: string | null
  /** In force for it now; none of them is every model. */
  models: string[]
  masterKeyId: string
  /** The provider has not confirmed these models yet: why the last try failed, as a code and its sentence. */
  modelsOpen: { failure: string | null; detail: string | null } | null
  /** Where the provider shows something else than is wanted: gone, disabled there, or not disabled yet. */
  upstream: 'as-wanted' | 'missing' | 'disabled' | 'still-on'
  /** Since when Keymint has it disabled because its cap is reached; null while it has not. */
  cappedAt: string | null
  /** When it reaches its cap at what it costs an hour; null where nothing says. */
  capDueAt: string | null
  /** What it costs an hour whatever it does. */
  perHour: MoneyView | null
  /** What its holder chose, as the service names it. */
  chosen: { label: string; value: string }[]
  /** What its service says of such keys; null for a service that this build does not know. */
  texts: ServiceTexts | null
  /** Keymint itself ends it, so its end can be moved; a key that the service ends is replaced instead. */
  endHeldHere: boolean
  /** A new key can take its place. */
  replaceable: boolean
  /** Its old key can work on for a while beside a new one. */
  mayOverlap: boolean
  /**
   * The key before it, which works on beside it or is being disabled: lowered first, then it waits for
   * the new one, and works until `until`. Null where there is none.
   */
  oldKey: {
    label: string | null
    state: 'lowering' | 'waiting' | 'working' | 'closing'
    until: string | null
    left: MoneyView
    /** Why the last call about it failed, as a code. */
    failure: string | null
  } | null
  /** Who held this very key before it was handed over, and may have copied it; null for nobody. */
  formerHolder: string | null
  /** The former holder is a service account. */
  formerService: boolean
  /** The provider made no new key the last time, so this one goes on; `detail` is its sentence. */
  replaceRefused: boolean
  /** A replaced key: what the former one used is still being read, and until then it can spend almost nothing. */
  budgetFollows: boolean
  /** Why the last call about this key failed, as a code; null when it did not. */
  failure: string | null
  /** Whether its holder can see the key now. */
  revealable: boolean
  /** The last change of the cap that the provider refused, with its own sentence if it gave one. */
  refusedChange: { providerMessage: string | null } | null
  createdAt: string
  expiresAt: string
  endedAt: string | null
  usageAsOf: string | null
  /** `detail`: why staff paused new keys. */
  delay: { reason: string; detail: string | null; attempt: number } | null
  generation: number
}

export type BudgetView = {
  month: Month
  allocated: MoneyView
  committed: MoneyView
  spent: MoneyView
  free: MoneyView
  /** `free` is negative: nothing new can be committed. */
  short: boolean
  /** What the team's ceiling leaves for all members, where it is less than `free`; else null. */
  teamLeft: MoneyView | null
  /** The budget that applies in this month, and what is on top in this month alone. */
  monthly: MoneyView
  topUp: MoneyView
  /** What next month begins with. */
  next: MoneyView
  nextMonth: Month
  /** The first instant of the next month, ISO UTC. */
  resetsAt: string
}
