/**
 * What a check of readiness can find, as codes and values; messages/readiness.ts has a sentence for
 * each code. Reports are stored as JSON, so every value here survives it.
 */
import type { DatabaseRefusal } from '~/database-refusal'
import { readinessSeverity, type Finding as Judged } from './finding'
import type { MoneyView } from '../money-view'
import type { WeakSecret } from '../ctx'

export type Severity = 'ok' | 'warning' | 'error' | 'skipped'

export type CheckName =
  | 'environment'
  | 'secrets'
  | 'database'
  | 'migrations'
  | 'queue'
  | 'worker'
  | 'switch'
  | 'state'
  | 'workshops'
  | 'management-key'
  | 'workspace'
  | 'credits'
  | 'in-flight'
  | 'models'
  | 'guardrails'
  | 'clock'
  | 'sign-in'
  | 'backup'
  | 'canary'

/** Values of each code; `error` is the provider's or the database's own text, scrubbed. */
export type FindingValues = {
  // Of any check
  'left-out': None
  'needs-check': { check: CheckName }
  'needs-database': None
  'needs-provider': None
  /** Of the one judgement, which every page reads. */
  judged: { finding: Judged }
  'nothing-wrong': None
  'no-answer': { seconds: number }
  'provider-error': { error: string }
  'check-failed': { error: string }

  // Configuration
  'environment-ok': None
  'variables-unusable': { problems: string[] }
  'secrets-ok': None
  'secret-weak': { weakness: WeakSecret }
  'seal-keys-lost': { keys: number; ids: string[] }
  'sealed-credentials-lost': { credentials: number; ids: string[] }
  'files-ok': { slugs: string[] }
  /** `problem` names file, line, field and remedy. */
  'file-problem': { problem: string }
  'no-workshop': None
  'sample-public': { slugs: string[] }
  'sign-in-ok': { addresses: { provider: string; redirectUri: string }[] }
  'sign-in-unset': None
  'origin-without-https': { origin: string }
  'sign-in-unreachable': { provider: string; origin: string; error: string }
  'sign-in-failing': { provider: string; origin: string; status: number }
  'sign-in-refused': { provider: string; status: number; redirectUri: string }
  'giveaways-closed': { slugs: string[] }
  /** The last two are missing in reports of older builds. */
  'switch-ok': { slugs: string[]; later?: { slug: string; days: number }[]; ended?: string[] }

  // Database, queue, workers
  'database-ok': { version: string; ms: number; connections: number }
  'database-replica': None
  'database-old': { version: string }
  'database-down': None
  'database-refused': { refusal: DatabaseRefusal }
  'pooler-direct': { variable: string }
  'pooler-statements': None
  'pooler-between': None
  'migrations-ok': { count: number }
  'never-migrated': None
  'migrations-missing': { names: string[]; unfinished: string[] }
  'migrations-unknown': { names: string[] }
  'migrations-edited': { names: string[] }
  'backup-ok': { file: string; hours: number; isEncrypted: boolean }
  'backup-none': None
  'backup-none-yet': None
  'backup-late': { hours: number }
  'backup-failed': { error: string; hours: number | null }
  'queue-ok': { version: number }
  'queue-missing': None
  'queue-version': { version: number; needed: number }
  'queues-missing': { names: string[] }
  'queue-policies': { names: string[] }
  'schedules-missing': { names: string[] }
  'workers-ok': { workers: number; calls: number; quietSeconds: number }
  /** They report and take no job, while jobs wait. */
  'workers-idle': { workers: number }
  /** Seconds that each clock is ahead of this machine's. */
  clocks: { clocks: { whose: 'database' | 'provider'; aheadSeconds: number }[] }
  'no-clock': None

  // Provider
  'management-key-ok': None
  'ordinary-key': None
  'management-key-refused': None
  'management-key-unknown': { error: string }
  'workspace-ok': None
  'workspace-gone': None
  'credit-ok': CreditValues
  'no-credit': CreditValues
  'credit-below-promised': CreditValues
  'credit-below-half': CreditValues
  'credit-below-worst-case': CreditValues
  /** Live keys whose limit does not count usage of the account's own provider keys. */
  'byok-not-counted': { keys: number }
  'in-flight-ok': { left: MoneyView }
  'free-models': { slug: string; models: string[] }
  'request-above-limit': { slug: string; model: string; amount: MoneyView; limit: MoneyView }
  'in-flight-short': {
    slug: string
    seats: number
    model: string
    amount: MoneyView
    left: MoneyView
  }
  'models-ok': { allowed: number; offered: number }
  'models-unknown': { slug: string; models: string[] }
  'guardrails-ok': { agreeing: number; notYet: string[] }
  'guardrail-twice': { name: string; count: number }
  /** `name` is taken by a guardrail that is not ours; ours is called `ours`. */
  'guardrail-foreign': { name: string; ours: string }
  'guardrail-differs': { name: string; differences: GuardrailDifference[] }

  // Test key
  'canary-ok': { guardrail: string; seconds: string }
  'canary-unbound': None
  'canary-not-created': { error: string }
  'canary-not-assigned': { assigned: number; guardrail: string }
  'canary-assign-failed': { error: string }
  'canary-differs': { differences: CanaryDifference[] }
  'canary-unreadable': { error: string }
  'canary-still-there': None
  'canary-not-deleted': { error: string }
  'canaries-left': { count: number }
}

type None = Record<never, never>

export type CreditValues = {
  left: MoneyView
  worstCase: MoneyView
  parts: { slug: string; amount: MoneyView }[]
  /** False where the database could not say what was spent already. */
  spentKnown: boolean
}

export type GuardrailDifference =
  | { what: 'every-model' }
  | { what: 'more-models' | 'fewer-models'; models: string[] }
  | { what: 'limit'; has: MoneyView | null; wanted: MoneyView }
  | { what: 'reset'; has: string | null; wanted: string }

export type CanaryDifference =
  'unknown-hash' | 'other-name' | 'disabled' | 'other-limit' | 'no-end' | 'manages-keys'

export type FindingCode = keyof FindingValues
export type Cause = { [Code in FindingCode]: { code: Code } & FindingValues[Code] }[FindingCode]
export type Finding = Cause & { severity: Severity }

export const ok = (cause: Cause): Finding => ({ ...cause, severity: 'ok' })
export const warning = (cause: Cause): Finding => ({ ...cause, severity: 'warning' })
export const error = (cause: Cause): Finding => ({ ...cause, severity: 'error' })
export const skipped = (cause: Cause): Finding => ({ ...cause, severity: 'skipped' })

export const judged = (finding: Judged): Finding => ({
  code: 'judged',
  finding,
  severity: readinessSeverity(finding),
})

/** What is not fine; the last word is said only when all is. */
export const orWhenFine = (findings: Finding[], fine: Cause): Finding[] =>
  findings.length > 0 ? findings : [ok(fine)]

const worstFirst: Severity[] = ['error', 'warning', 'skipped', 'ok']

export const worstOf = (severities: Severity[]): Severity =>
  worstFirst.find((severity) => severities.includes(severity)) ?? 'ok'
