/**
 * The doctor: is this deployment ready for a room? Every check runs that can, what needs something
 * that is missing is skipped and says so, and nothing here throws: a check that breaks is a failed
 * check.
 */
import { scrub } from '~/adapters/log.server'
import { isProviderError } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import { checkCanary } from './canary.server'
import {
  fail,
  skipped,
  together,
  type Check,
  type CheckName,
  type CheckResult,
  type Finding,
  type Patient,
  type PatientWith,
} from './doctor-check'
import { checkClock } from './clock-check.server'
import {
  checkDatabase,
  checkMigrations,
  checkQueue,
  checkSwitch,
  checkWorker,
  findLostSealKeys,
} from './database-checks.server'
import { checkEnvironment, checkSecrets, checkSignIn, checkWorkshopFiles } from './config-checks'
import {
  checkCredits,
  checkGuardrails,
  checkInFlight,
  checkManagementKey,
  checkModels,
} from './provider-checks.server'

export type DoctorVerdict = 'ok' | 'warn' | 'fail'
export type DoctorReport = { verdict: DoctorVerdict; madeAt: string; checks: CheckResult[] }

/** A check that has not ended by then has failed. */
const patienceMs = 45_000

/** In the order in which people read them; what a check needs stands above it. */
const checks: Check[] = [
  { name: 'environment', needs: [], parts: [], run: checkEnvironment },
  { name: 'secrets', needs: [], parts: [], run: checkAllSecrets },
  { name: 'database', needs: [], parts: ['db'], run: checkDatabase },
  { name: 'migrations', needs: ['database'], parts: ['db'], run: checkMigrations },
  { name: 'queue', needs: ['database'], parts: ['db'], run: checkQueue },
  { name: 'worker', needs: ['migrations'], parts: ['db'], run: checkWorker },
  { name: 'switch', needs: ['migrations'], parts: ['db'], run: checkSwitch },
  { name: 'workshops', needs: [], parts: [], run: checkWorkshopFiles },
  { name: 'management-key', needs: [], parts: ['provider'], run: checkManagementKey },
  { name: 'credits', needs: ['management-key'], parts: ['provider'], run: checkCredits },
  { name: 'in-flight', needs: ['management-key'], parts: ['provider'], run: checkInFlight },
  { name: 'models', needs: [], parts: ['provider'], run: checkModels },
  { name: 'guardrails', needs: ['management-key'], parts: ['provider'], run: checkGuardrails },
  { name: 'clock', needs: [], parts: [], run: checkClock },
  { name: 'sign-in', needs: [], parts: [], run: checkSignIn },
  {
    name: 'canary',
    needs: ['migrations', 'management-key'],
    parts: ['db', 'provider'],
    run: checkCanary,
  },
]

/**
 * Runs every check, the canary unless told otherwise. Takes a minute at most, a few seconds
 * usually.
 */
export async function runDoctor(
  patient: Patient,
  options: { canary: boolean },
): Promise<DoctorReport> {
  const running = new Map<CheckName, Promise<Finding>>()
  for (const check of checks) {
    const needs = check.needs.map((name) => ({ name, finding: running.get(name) }))
    running.set(
      check.name,
      (async () => {
        if (check.name === 'canary' && !options.canary) return skipped('Left out, as asked.')
        for (const { name, finding } of needs) {
          const verdict = (await finding)?.verdict
          if (verdict !== 'ok' && verdict !== 'warn')
            return skipped(`Not checked: “${name}” comes first.`)
        }
        return attempt(check, patient)
      })(),
    )
  }
  const results = await Promise.all(
    [...running].map(async ([name, finding]): Promise<CheckResult> => ({
      name,
      ...(await finding),
    })),
  )
  const verdict = results.some((result) => result.verdict === 'fail')
    ? 'fail'
    : results.some((result) => result.verdict === 'warn')
      ? 'warn'
      : 'ok'
  return { verdict, madeAt: patient.now().toISOString(), checks: results }
}

/** The deployment that this process belongs to, as it sees it. */
export function patientOf(ctx: Ctx): Patient {
  const { deployment, db, provider, workshops, settings, migrations } = ctx
  return {
    environmentProblems: [],
    deployment,
    db,
    provider,
    sealKeyIds: ctx.sealer.keyIds,
    workshops,
    settings,
    migrations,
    now: () => ctx.now(),
  }
}

/**
 * Whether what we seal with is worth its name, and still opens what was sealed; the second is left
 * out when the database cannot say.
 */
async function checkAllSecrets(patient: Patient): Promise<Finding> {
  const { db } = patient
  const lost = db ? await findLostSealKeys({ ...patient, db }).catch(() => []) : []
  const strength = checkSecrets(patient)
  return together([strength, ...lost], strength.words)
}

async function attempt(check: Check, patient: Patient): Promise<Finding> {
  for (const part of check.parts) {
    if (patient[part] === null)
      return skipped(
        `Not checked: ${part === 'db' ? 'DATABASE_URL' : 'OPENROUTER_MANAGEMENT_KEY or OPENROUTER_BASE_URL'} cannot be used.`,
      )
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () =>
        resolve(
          fail(
            `No answer within ${patienceMs / 1000} s.`,
            'Check again; the log of this process may say more.',
          ),
        ),
      patienceMs,
    )
  })
  try {
    // The parts were looked at above: every check finds what it asked for.
    const run = check.run as (patient: PatientWith<'db' | 'provider'>) => Promise<Finding> | Finding
    return await Promise.race([run(patient as PatientWith<'db' | 'provider'>), late])
  } catch (error) {
    if (isProviderError(error))
      return fail(
        `The provider did not answer as it should. ${error.message}.`,
        'Look at https://status.openrouter.ai; then check again.',
      )
    return fail(
      `This check could not be made: ${error instanceof Error ? scrub(error.message).split('\n').at(-1)?.slice(0, 300) : 'unknown error'}.`,
      'Check again; if it stays, the log has the rest.',
    )
  } finally {
    clearTimeout(timer)
  }
}
