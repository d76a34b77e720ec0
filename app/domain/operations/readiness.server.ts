/**
 * Readiness: can this deployment serve a workshop? Every check runs that can; one that needs
 * something missing is skipped and says so. Nothing here throws: a check that breaks is a finding.
 * `npm run doctor` and /admin/doctor show the report.
 */
import { scrub } from '~/adapters/log.server'
import { isProviderError } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import { checkCanary } from './canary.server'
import { checkClock } from './clock-check.server'
import { checkEnvironment, checkSecrets, checkSignIn, checkWorkshopFiles } from './config-checks'
import {
  checkBackup,
  checkDatabase,
  checkMigrations,
  checkQueue,
  checkState,
  checkSwitch,
  checkWorker,
  findLostSealKeys,
} from './database-checks.server'
import type { Finding as Judged } from './finding'
import { allFindings, readJudgement } from './judgement.server'
import {
  checkCredits,
  checkGuardrails,
  checkInFlight,
  checkManagementKey,
  checkModels,
  checkWorkspace,
} from './provider-checks.server'
import type { Check, CheckResult, Examined, TestedDeployment, TestedWith } from './readiness-check'
import { cut } from '~/text'
import {
  error,
  orWhenFine,
  skipped,
  worstOf,
  type CheckName,
  type Finding,
} from './readiness-finding'

export type ReadinessSeverity = 'ok' | 'warning' | 'error'
export type ReadinessReport = {
  severity: ReadinessSeverity
  madeAt: string
  checks: CheckResult[]
}

/** A check that has not ended by then has failed. */
const timeoutMs = 45_000

/** In the order in which people read them; what a check needs stands above it. */
const checks: Check[] = [
  { name: 'environment', needs: [], parts: [], run: checkEnvironment },
  { name: 'secrets', needs: [], parts: [], run: checkAllSecrets },
  { name: 'database', needs: [], parts: ['db'], run: checkDatabase },
  { name: 'migrations', needs: ['database'], parts: ['db'], run: checkMigrations },
  { name: 'queue', needs: ['database'], parts: ['db'], run: checkQueue },
  { name: 'worker', needs: ['migrations'], parts: ['db'], run: checkWorker },
  { name: 'switch', needs: ['migrations'], parts: ['db'], run: checkSwitch },
  { name: 'state', needs: ['migrations'], parts: ['db'], run: checkState },
  { name: 'workshops', needs: [], parts: [], run: checkWorkshopFiles },
  { name: 'management-key', needs: [], parts: ['provider'], run: checkManagementKey },
  { name: 'workspace', needs: ['management-key'], parts: ['provider'], run: checkWorkspace },
  { name: 'credits', needs: ['management-key'], parts: ['provider'], run: checkCredits },
  { name: 'in-flight', needs: ['management-key'], parts: ['provider'], run: checkInFlight },
  { name: 'models', needs: [], parts: ['provider'], run: checkModels },
  { name: 'guardrails', needs: ['workspace'], parts: ['provider'], run: checkGuardrails },
  { name: 'backup', needs: ['migrations'], parts: ['db'], run: checkBackup },
  { name: 'clock', needs: [], parts: [], run: checkClock },
  { name: 'sign-in', needs: [], parts: [], run: checkSignIn },
  {
    name: 'canary',
    needs: ['migrations', 'workspace'],
    parts: ['db', 'provider'],
    run: checkCanary,
  },
]

/** Runs every check, the canary unless told otherwise. Takes a few seconds, at most a minute. */
export async function checkReadiness(
  deployment: TestedDeployment,
  options: { canary: boolean },
): Promise<ReadinessReport> {
  const tested: Examined = {
    ...(await withoutEnded(deployment)),
    judged: once(() => judgedNow(deployment)),
  }
  const running = new Map<CheckName, Promise<CheckResult>>()
  for (const check of checks) {
    const needed = check.needs.flatMap((name) => running.get(name) ?? [])
    running.set(check.name, resultOf(check, tested, needed, options))
  }
  const results = await Promise.all(running.values())
  const severities = results.map(({ severity }) => severity)
  return {
    severity: severities.includes('error')
      ? 'error'
      : severities.includes('warning')
        ? 'warning'
        : 'ok',
    madeAt: tested.now().toISOString(),
    checks: results,
  }
}

/** Of all workshops, also of those that staff have ended. */
async function judgedNow(tested: TestedDeployment): Promise<Judged[]> {
  const { db } = tested
  return db ? allFindings(await readJudgement({ ...tested, db })) : []
}

function once<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined
  return () => (reading ??= read())
}

/** Workshops that staff have ended hand out nothing; without a database it cannot be known. */
async function withoutEnded(tested: TestedDeployment): Promise<TestedDeployment> {
  const ends = await tested.db?.workshopEnd.findMany({ select: { slug: true } }).catch(() => [])
  const ended = new Set(ends?.map(({ slug }) => slug))
  const workshops = [...tested.workshops.workshops].filter(([slug]) => !ended.has(slug))
  return { ...tested, workshops: { ...tested.workshops, workshops: new Map(workshops) } }
}

async function resultOf(
  check: Check,
  tested: Examined,
  needed: Promise<CheckResult>[],
  options: { canary: boolean },
): Promise<CheckResult> {
  const findings = [await findingsOf(check, tested, needed, options)].flat()
  return {
    name: check.name,
    severity: worstOf(findings.map(({ severity }) => severity)),
    findings,
  }
}

async function findingsOf(
  check: Check,
  tested: Examined,
  needed: Promise<CheckResult>[],
  options: { canary: boolean },
): Promise<Finding | Finding[]> {
  if (check.name === 'canary' && !options.canary) return skipped({ code: 'left-out' })
  for (const result of needed) {
    const { name, severity } = await result
    if (severity !== 'ok' && severity !== 'warning')
      return skipped({ code: 'needs-check', check: name })
  }
  return attempt(check, tested)
}

/** The deployment that this process belongs to, as it sees it. */
export function testedDeployment(ctx: Ctx): TestedDeployment {
  const { deployment, db, findPoolers, provider, workshops, settings, migrations, backup } = ctx
  return {
    environmentProblems: [],
    deployment,
    db,
    findPoolers,
    provider,
    sealKeyIds: ctx.sealer.keyIds,
    workshops,
    settings,
    migrations,
    backup,
    now: () => ctx.now(),
  }
}

/**
 * Whether our secrets are strong, and still open what was sealed; the second is left out when the
 * database cannot say.
 */
async function checkAllSecrets(tested: Examined): Promise<Finding[]> {
  const { db } = tested
  const lost = db ? await findLostSealKeys({ ...tested, db }).catch(() => []) : []
  return orWhenFine([...checkSecrets(tested), ...lost], { code: 'secrets-ok' })
}

async function attempt(check: Check, tested: Examined): Promise<Finding | Finding[]> {
  for (const part of check.parts)
    if (tested[part] === null)
      return skipped({ code: part === 'db' ? 'needs-database' : 'needs-provider' })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () => resolve(error({ code: 'no-answer', seconds: timeoutMs / 1000 })),
      timeoutMs,
    )
  })
  try {
    // The parts were looked at above: every check finds what it asked for.
    const run = check.run as (
      tested: TestedWith<'db' | 'provider'>,
    ) => Promise<Finding | Finding[]> | Finding | Finding[]
    return await Promise.race([run(tested as TestedWith<'db' | 'provider'>), late])
  } catch (thrown) {
    if (isProviderError(thrown)) return error({ code: 'provider-error', error: thrown.message })
    const lastLine =
      thrown instanceof Error ? cut(scrub(thrown.message).split('\n').at(-1) ?? '', 300) : null
    return error({ code: 'check-failed', error: lastLine || 'unknown error' })
  } finally {
    clearTimeout(timer)
  }
}
