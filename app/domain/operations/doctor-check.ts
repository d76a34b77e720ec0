/**
 * One thing that must be right before a room is let in: what was found, and what to do about it.
 */
import type { Db } from '~/adapters/db.server'
import type { KeyProvider } from '~/adapters/key-provider'
import { formatUsd, type NanoUsd } from '~/money'
import type { Deployment, Settings } from '../ctx'
import type { WorkshopCatalog } from '../workshop-file'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'

export type Verdict = 'ok' | 'warn' | 'fail' | 'skipped'

export type Finding = {
  verdict: Verdict
  /** What was found, with figures; several sentences where several things were. */
  words: string
  /** What to do; null where nothing is to be done. */
  remedy: string | null
}

export type CheckName =
  | 'environment'
  | 'secrets'
  | 'database'
  | 'migrations'
  | 'queue'
  | 'worker'
  | 'switch'
  | 'workshops'
  | 'management-key'
  | 'credits'
  | 'in-flight'
  | 'models'
  | 'guardrails'
  | 'clock'
  | 'sign-in'
  | 'canary'

export type CheckResult = Finding & { name: CheckName }

/**
 * What there is to look at. Parts that the environment does not allow are null, and what needs them
 * is skipped.
 */
export type Patient = {
  environmentProblems: string[]
  deployment: Deployment
  /** May be a database that does not answer. */
  db: Db | null
  provider: KeyProvider | null
  /** The keys that open sealed secrets; null when ENCRYPTION_KEY is unusable. */
  sealKeyIds: string[] | null
  workshops: WorkshopCatalog
  settings: Pick<Settings, 'provisioningEnabled' | 'maxTotalKeys'>
  migrations: string[]
  now(): Date
}

/** A patient of which these parts are there. */
export type PatientWith<Part extends 'db' | 'provider'> = Patient & {
  [Name in Part]: NonNullable<Patient[Name]>
}

export type Check = { name: CheckName; needs: CheckName[] } & (
  | { parts: []; run: (patient: Patient) => Promise<Finding> | Finding }
  | { parts: ['db']; run: (patient: PatientWith<'db'>) => Promise<Finding> }
  | { parts: ['provider']; run: (patient: PatientWith<'provider'>) => Promise<Finding> }
  | {
      parts: ['db', 'provider']
      run: (patient: PatientWith<'db' | 'provider'>) => Promise<Finding>
    }
)

export const ok = (words: string): Finding => ({ verdict: 'ok', words, remedy: null })
export const warn = (words: string, remedy: string): Finding => ({ verdict: 'warn', words, remedy })
export const fail = (words: string, remedy: string): Finding => ({ verdict: 'fail', words, remedy })
export const skipped = (words: string): Finding => ({ verdict: 'skipped', words, remedy: null })

/**
 * The gravest of several findings, with the words of all that are not fine; what is fine speaks
 * only when all is.
 */
export function together(findings: Finding[], whenFine: string): Finding {
  const bad = findings.filter((finding) => finding.verdict === 'fail' || finding.verdict === 'warn')
  if (bad.length === 0) return ok(whenFine)
  const remedies = new Set(bad.flatMap(({ remedy }) => remedy ?? []))
  return {
    verdict: bad.some((finding) => finding.verdict === 'fail') ? 'fail' : 'warn',
    words: bad.map((finding) => finding.words).join(' '),
    remedy: [...remedies].join(' '),
  }
}

/**
 * A room must be ready before its doors open: what opens within a week counts as much as what is
 * open.
 */
const soonMs = 7 * 86_400_000

export function opensSoon(workshop: Workshop, now: Date): boolean {
  if (windowState(workshop, now) === 'closed') return false
  return workshop.claimsOpenAt === null || workshop.claimsOpenAt.getTime() <= now.getTime() + soonMs
}

/**
 * Workshops that hand out keys now or within a week. A giveaway without MAX_TOTAL_KEYS hands out
 * none.
 */
export function upcomingWorkshops(
  patient: Pick<Patient, 'workshops' | 'settings' | 'now'>,
): Workshop[] {
  const now = patient.now()
  return [...patient.workshops.workshops.values()].filter(
    (workshop) =>
      opensSoon(workshop, now) &&
      (workshop.kind === 'workshop' || patient.settings.maxTotalKeys > 0),
  )
}

export const dollars = (amount: NanoUsd) => formatUsd(amount)
export const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`
export const listed = (items: readonly string[], most = 8) =>
  items.length > most
    ? `${items.slice(0, most).join(', ')} and ${items.length - most} more`
    : items.join(', ')
