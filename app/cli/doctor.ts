/**
 * `npm run doctor [-- --json] [-- --no-canary]`: is this deployment ready for a workshop? Exits
 * with 1 when a check fails; warnings do not count. Whatever is missing or down, the checks that can
 * run do run. With `--url https://…` it looks from outside instead, and needs no environment.
 * With `--bundle <file>` it writes the report and more for whoever helps.
 */
import { parseArgs } from 'node:util'
import { createDb } from '../adapters/db.server'
import { createFindPoolers } from '../adapters/pooler.server'
import { migrationNames } from '../adapters/migrations.server'
import { createOpenRouter } from '../adapters/openrouter.server'
import { createSealer } from '../adapters/sealing.server'
import { deploymentOf } from '../deployment'
import type { TestedDeployment } from '../domain/operations/readiness-check'
import { checkReadiness, type ReadinessReport } from '../domain/operations/readiness.server'
import { keepReport } from '../domain/operations/readiness-report.server'
import { loadWorkshops } from '../domain/workshop/catalog.server'
import { inspectEnv, type Env } from '../env.server'
import { checkMessage } from '../messages/readiness'
import { writeBundle } from './doctor-bundle'
import { parseOrigin, printOutside } from './doctor-outside'
import { reportText } from './report-lines'

const usage =
  'Use: npm run doctor [-- --json] [-- --no-canary] [-- --bundle <file>], or from outside: ' +
  'npm run doctor -- --url https://keymint.example.org [--json]\n'
const values = readArguments()
const url = values.url === undefined ? undefined : parseOrigin(values.url)
if (url === null)
  end('--url needs an address such as https://keymint.example.org, without a path.\n')
if (url) process.exit(await printOutside(url, values.json === true))
const { env, problems } = inspectEnv()
const tested = await testedDeployment(env, problems)
const report = await checkReadiness(tested, { canary: values['no-canary'] !== true })
if (
  tested.db &&
  report.checks.some(({ name, severity }) => name === 'migrations' && severity === 'ok')
)
  await keepReport(tested.db, 'operator', report).catch(() => undefined)
const written = values.bundle === undefined ? null : await bundleAt(values.bundle)
await tested.db?.$disconnect().catch(() => undefined)
if (written) finish(written)
process.stdout.write(values.json ? jsonOf(report) : textOf(env, report))
process.exit(report.severity === 'error' ? 1 : 0)

function readArguments() {
  try {
    const { values: given } = parseArgs({
      options: {
        json: { type: 'boolean' },
        'no-canary': { type: 'boolean' },
        url: { type: 'string' },
        bundle: { type: 'string' },
      },
    })
    return given
  } catch (error) {
    return end(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}

async function bundleAt(file: string): Promise<{ code: number; sentence: string }> {
  try {
    await writeBundle(file, report, tested.db)
    return {
      code: 0,
      sentence: `Wrote ${file}. It holds no secret; read it before you send it to anybody.\n`,
    }
  } catch (error) {
    return { code: 2, sentence: `${error instanceof Error ? error.message : String(error)}\n` }
  }
}

function finish({ code, sentence }: { code: number; sentence: string }): never {
  const stream = code === 0 ? process.stdout : process.stderr
  stream.write(sentence)
  process.exit(code)
}

function end(sentence: string): never {
  process.stderr.write(sentence)
  process.exit(2)
}

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
    findPoolers: databaseUrl
      ? createFindPoolers({ ...usable, DATABASE_URL: databaseUrl })
      : () => Promise.resolve({ poolers: [], hasDirect: false }),
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
  const about =
    `Keymint at ${origin ?? '(no APP_ORIGIN)'}, ` +
    `database ${databaseUrl ? new URL(databaseUrl).host : '(none)'}, provider ${baseUrl ?? '(none)'}`
  const lines = checks.map((check) => ({ ...check, message: checkMessage(check) }))
  return reportText(about, severity, lines)
}

function jsonOf({ checks, ...report }: ReadinessReport): string {
  const withMessages = checks.map((check) => ({ ...check, ...checkMessage(check) }))
  return `${JSON.stringify({ ...report, checks: withMessages }, null, 2)}\n`
}
