/**
 * `npm run doctor [-- --json] [-- --no-canary]`: is this deployment ready for a room? Exits with 1
 * when a check fails; warnings do not count. Whatever is missing or down, the checks that can run
 * do run.
 */
import { createDb } from '../adapters/db.server'
import { migrationNames } from '../adapters/migrations.server'
import { createOpenRouter } from '../adapters/openrouter.server'
import { createSealer } from '../adapters/sealing.server'
import { deploymentOf } from '../deployment'
import type { Patient, Verdict } from '../domain/operations/doctor-check'
import { runDoctor, type DoctorReport } from '../domain/operations/doctor.server'
import { keepReport } from '../domain/operations/doctor-report.server'
import { loadWorkshops } from '../domain/workshop/catalog.server'
import { inspectEnv, type Env } from '../env.server'

const known = ['--json', '--no-canary']
const unknown = process.argv.slice(2).filter((argument) => !known.includes(argument))
if (unknown.length > 0) {
  process.stderr.write(
    `Unknown argument ${unknown.join(' ')}. Use: npm run doctor [-- --json] [-- --no-canary]\n`,
  )
  process.exit(2)
}
const { env, problems } = inspectEnv()
const patient = await patientOf(env, problems)
const report = await runDoctor(patient, { canary: !process.argv.includes('--no-canary') })
if (
  patient.db &&
  report.checks.some(({ name, verdict }) => name === 'migrations' && verdict === 'ok')
)
  await keepReport(patient.db, 'operator', report).catch(() => undefined)
await patient.db?.$disconnect().catch(() => undefined)
process.stdout.write(
  process.argv.includes('--json') ? `${JSON.stringify(report, null, 2)}\n` : inWords(env, report),
)
process.exit(report.verdict === 'fail' ? 1 : 0)

async function patientOf(usable: Partial<Env>, environmentProblems: string[]): Promise<Patient> {
  const {
    DATABASE_URL: databaseUrl,
    OPENROUTER_MANAGEMENT_KEY: managementKey,
    OPENROUTER_BASE_URL: baseUrl,
    ENCRYPTION_KEY: encryptionKeys,
  } = usable
  let migrations: string[] = []
  try {
    migrations = migrationNames()
  } catch {
    environmentProblems.push(
      'prisma/migrations: is not here; run this from the root of the project or of the image',
    )
  }
  return {
    environmentProblems,
    deployment: deploymentOf(usable),
    db: databaseUrl ? createDb(databaseUrl, { max: 4, applicationName: 'keymint-doctor' }) : null,
    provider:
      managementKey && baseUrl
        ? createOpenRouter({ baseUrl, managementKey, workspaceId: usable.OPENROUTER_WORKSPACE_ID })
        : null,
    sealKeyIds: encryptionKeys ? createSealer(encryptionKeys).keyIds : null,
    workshops: await loadWorkshops(usable.WORKSHOPS_DIR ?? 'workshops'),
    settings: {
      provisioningEnabled: usable.PROVISIONING_ENABLED ?? false,
      maxTotalKeys: usable.MAX_TOTAL_KEYS ?? 0,
    },
    migrations,
    now: () => new Date(),
  }
}

function inWords(
  { APP_ORIGIN: origin, DATABASE_URL: databaseUrl, OPENROUTER_BASE_URL: baseUrl }: Partial<Env>,
  { verdict, checks }: DoctorReport,
): string {
  const labels: Record<Verdict, string> = {
    ok: 'ok',
    warn: 'WARN',
    fail: 'FAIL',
    skipped: 'skipped',
  }
  const lines = checks.flatMap(({ name, verdict: one, words, remedy }) => [
    `${labels[one].padEnd(8)} ${name.padEnd(15)} ${words}`,
    ...(remedy ? [`${' '.repeat(25)}Do: ${remedy}`] : []),
  ])
  const named = (wanted: Verdict) =>
    checks
      .filter((check) => check.verdict === wanted)
      .map(({ name }) => name)
      .join(', ')
  const end = {
    ok: 'Ready.',
    warn: `Ready, with doubts: ${named('warn')}.`,
    fail: `Not ready: ${named('fail')}.`,
  }[verdict]
  const about = `Keymint at ${origin ?? '(no APP_ORIGIN)'}, database ${databaseUrl ? new URL(databaseUrl).host : '(none)'}, provider ${baseUrl ?? '(none)'}`
  return `${[about, '', ...lines, '', end].join('\n')}\n`
}
