/** One thing that must be right before a workshop opens. */
import type { Db } from '~/adapters/db.server'
import type { KeyProvider } from '~/adapters/key-provider'
import type { FindPoolers } from '~/adapters/pooler.server'
import type { BackupPlace, Deployment, Settings } from '../ctx'
import { windowState } from '../workshop/workshop'
import type { Workshop, WorkshopCatalog } from '../workshop-file'
import type { Finding as Judged } from './finding'
import type { CheckName, Finding, Severity } from './readiness-finding'

export type CheckResult = { name: CheckName; severity: Severity; findings: Finding[] }

/**
 * The deployment under test. Parts that the environment does not allow are null, and the checks that
 * need them are skipped.
 */
export type TestedDeployment = {
  environmentProblems: string[]
  deployment: Deployment
  /** May be a database that does not answer. */
  db: Db | null
  /** Where there is a database. */
  findPoolers: FindPoolers
  provider: KeyProvider | null
  /** The keys that open sealed secrets; null when ENCRYPTION_KEY is unusable. */
  sealKeyIds: string[] | null
  workshops: WorkshopCatalog
  settings: Pick<Settings, 'provisioningEnabled' | 'maxTotalKeys'>
  migrations: string[]
  /** Where backups are written every night; null for nowhere. */
  backup: Pick<BackupPlace, 'recipients'> | null
  now(): Date
}

/** With what the one judgement finds now: read once for all checks, of every workshop. */
export type Examined = TestedDeployment & { judged: () => Promise<Judged[]> }

/** A deployment under test of which these parts are there. */
export type TestedWith<Part extends 'db' | 'provider'> = Examined & {
  [Name in Part]: NonNullable<TestedDeployment[Name]>
}

type Found = Finding | Finding[]
export type Check = { name: CheckName; needs: CheckName[] } & (
  | { parts: []; run: (tested: Examined) => Promise<Found> | Found }
  | { parts: ['db']; run: (tested: TestedWith<'db'>) => Promise<Found> }
  | { parts: ['provider']; run: (tested: TestedWith<'provider'>) => Promise<Found> }
  | { parts: ['db', 'provider']; run: (tested: TestedWith<'db' | 'provider'>) => Promise<Found> }
)

/** A workshop that opens within a week must be as ready as one that is open. */
const soonMs = 7 * 86_400_000

function isOpenSoon(workshop: Workshop, now: Date): boolean {
  if (windowState(workshop, now) === 'closed') return false
  return workshop.claimsOpenAt === null || workshop.claimsOpenAt.getTime() <= now.getTime() + soonMs
}

/**
 * Workshops that hand out keys now or within a week. A giveaway without MAX_TOTAL_KEYS hands out
 * none.
 */
export function upcomingWorkshops(
  tested: Pick<TestedDeployment, 'workshops' | 'settings' | 'now'>,
): Workshop[] {
  const now = tested.now()
  return [...tested.workshops.workshops.values()].filter(
    (workshop) =>
      isOpenSoon(workshop, now) &&
      (workshop.kind === 'workshop' || tested.settings.maxTotalKeys > 0),
  )
}
