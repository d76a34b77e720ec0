/**
 * `npm run doctor [-- --json] [-- --no-canary]`: is this deployment ready for a workshop? Exits
 * with 1 when a check fails; warnings do not count. Whatever is missing or down, the checks that can
 * run do run.
 */
import { createDb } from '../adapters/db.server'
import { migrationNames } from '../adapters/migrations.server'
import { createOpenRouter } from '../adapters/openrouter.server'
import { createSealer } from '../adapters/sealing.server'
import { deploymentOf } from '../deployment'
import type { TestedDeployment } from '../domain/operations/readiness-check'
import type { Severity } from '../domain/operations/readiness-finding'
import { checkReadiness, type ReadinessReport } from '../domain/operations/readiness.server'
import { keepReport } from '../domain/operations/readiness-report.server'
import { loadWorkshops } from '../domain/workshop/catalog.server'
import { inspectEnv, type Env } from '../env.server'
import { checkMessage } from '../messages/readiness'

const labels: Record<Severity, string> = {
  ok: 'ok',
  warning: 'WARN',
  error: 'FAIL',
  skipped: 'skipped',
}

const known = ['--json', '--no-canary']
const unknown = process.argv.slice(2).filter((argument) => !known.includes(argument))
if (unknown.length > 0) {
  process.stderr.write(
    `Unknown argument ${unknown.join(' ')}. Use: npm run doctor [-- --json] [-- --no-canary]\n`,
  )
  process.exit(2)
}
const { env, problems } = inspectEnv()
const tested = await testedDeployment(env, problems)
const report = await checkReadiness(tested, { canary: !process.argv.includes('--no-canary') })
if (
  tested.db &&
  report.checks.some(({ name, severity }) => name === 'migrations' && severity === 'ok')
)
  await keepReport(tested.db, 'operator', report).catch(() => undefined)
await tested.db?.$disconnect().catch(() => undefined)
process.stdout.write(process.argv.includes('--json') ? jsonOf(report) : textOf(env, report))
process.exit(report.severity === 'error' ? 1 : 0)

async function testedDeployment(
  usable: Partial<Env>,
  environmentProblems: string[],
): Promise<TestedDeployment> {
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
      'prisma/migrations: is missing; run this from the root of the project or of the image',
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
    backup: usable.BACKUP_DIR === undefined ? null : { recipients: usable.BACKUP_RECIPIENTS ?? [] },
    now: () => new Date(),
  }
}

function textOf(
  { APP_ORIGIN: origin, DATABASE_URL: databaseUrl, OPENROUTER_BASE_URL: baseUrl }: Partial<Env>,
  { severity, checks }: ReadinessReport,
): string {
  const lines = checks.flatMap(({ name, severity: one, findings }) => {
    const { sentence, remedy } = checkMessage({ findings })
    return [
      `${labels[one].padEnd(8)} ${name.padEnd(15)} ${sentence}`,
      ...(remedy ? [`${' '.repeat(25)}Do: ${remedy}`] : []),
    ]
  })
  const named = (wanted: Severity) =>
    checks
      .filter((check) => check.severity === wanted)
      .map(({ name }) => name)
      .join(', ')
  const end = {
    ok: 'Ready.',
    warning: `Ready, with warnings: ${named('warning')}.`,
    error: `Not ready: ${named('error')}.`,
  }[severity]
  const about =
    `Keymint at ${origin ?? '(no APP_ORIGIN)'}, ` +
    `database ${databaseUrl ? new URL(databaseUrl).host : '(none)'}, provider ${baseUrl ?? '(none)'}`
  return `${[about, '', ...lines, '', end].join('\n')}\n`
}

function jsonOf({ checks, ...report }: ReadinessReport): string {
  const withMessages = checks.map((check) => ({ ...check, ...checkMessage(check) }))
  return `${JSON.stringify({ ...report, checks: withMessages }, null, 2)}\n`
}
