/** What pages show of sub-keys and budgets. Everything here may reach the browser: no secret. */
import type { MoneyView } from '../money-view'

export type SubKeyPhase =
  'pending' | 'ready' | 'changing' | 'rotating' | 'settling' | 'ended' | 'refused'

export type SubKeyView = {
  id: string
  /** Short code to tell keys apart. */
  reference: string
  holder: { userId: string; name: string }
  purpose: string
  service: string
  masterKeyLabel: string | null
  phase: SubKeyPhase
  /** Why it ended or was refused, by name; `detail` is the provider's own sentence. */
  reason: string | null
  detail: string | null
  cap: MoneyView
  /** A cap that the provider has not confirmed yet. */
  wantedCap: MoneyView | null
  reset: 'monthly' | null
  /** Of the cap: over its life, or this month for a monthly key. */
  spent: MoneyView
  left: MoneyView
  /** Of the holder's budget, this month. */
  committed: MoneyView
  label: string | null
  models: string[]
  /** Whether its secret can be shown to its holder now. */
  revealable: boolean
  changeError: string | null
  createdAt: string
  expiresAt: string
  endedAt: string | null
  usageAsOf: string | null
  delay: { reason: string; attempt: number } | null
  generation: number
}

export type BudgetView = {
  month: string
  monthWords: string
  allocated: MoneyView
  committed: MoneyView
  spent: MoneyView
  free: MoneyView
  /** Less than nothing is free: nothing new until it is healed. */
  short: boolean
  /** What next month begins with. */
  next: MoneyView
  nextMonthWords: string
  /** The first instant of the next month, ISO UTC. */
  resetsAt: string
}
