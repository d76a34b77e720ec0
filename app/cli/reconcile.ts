/** `npm run reconcile [-- --fix]`: keys of ours upstream that no row holds. Reports only, unless told to fix. */
import { EnvError, readEnv } from '../env.server'
import { reconcileKeys } from '../domain/reconcile/reconcile.server'
import { createWebRuntime } from '../runtime.server'

const fix = process.argv.includes('--fix')
const unknown = process.argv.slice(2).filter((argument) => argument !== '--fix')
if (unknown.length > 0) {
  process.stderr.write(`Unknown argument ${unknown.join(' ')}. Use: npm run reconcile [-- --fix]\n`)
  process.exit(2)
}
try {
  const { ctx, close } = await createWebRuntime({ ...readEnv(), LOG_LEVEL: 'warn' })
  const report = await reconcileKeys(ctx, { dryRun: !fix })
  await close()
  process.stdout.write(`${[
    `${report.ours} keys upstream carry this installation's id.`,
    fix ? `${report.deleted} were orphans and are deleted, ${report.deleteFailed} could not be deleted yet.` : `${report.deleted} are orphans that --fix would delete.`,
    `${report.dangling} keys in the database are gone upstream.`,
    report.unexplained.length === 0 ? 'No key with our id is unexplained.' : `A person must decide about ${report.unexplained.length} keys with our id and no attempt of ours:\n${report.unexplained.map((name) => `  ${name}`).join('\n')}`,
  ].join('\n')}\n`)
  process.exit(report.deleteFailed > 0 ? 1 : 0)
} catch (error) {
  process.stderr.write(`${error instanceof EnvError ? error.message : `Reconcile could not run: ${error instanceof Error ? error.message : String(error)}`}\n`)
  process.exit(1)
}
