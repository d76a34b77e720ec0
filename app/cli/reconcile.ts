/**
 * `npm run reconcile [-- --fix] [--json]`: compares the provider's keys with our rows. Changes
 * nothing without --fix. Exits with 0 when everything matches, with 1 when differences remain or it
 * cannot check, with 2 on a wrong argument.
 */
import { EnvError, readEnv } from '../env.server'
import { driftKinds, type Drift } from '../domain/keys/drift'
import { fixDrifts, type FixOutcome } from '../domain/keys/repair.server'
import { planReconcile, type ReconcilePlan } from '../domain/keys/reconcile.server'
import { recordFixRun } from '../domain/keys/reconcile-runs.server'
import { createWebRuntime } from '../runtime.server'

const known = ['--fix', '--json']
const given = process.argv.slice(2)
const unknown = given.filter((argument) => !known.includes(argument))
if (unknown.length > 0) {
  process.stderr.write(
    `Unknown argument ${unknown.join(' ')}. Use: npm run reconcile [-- --fix] [--json]\n`,
  )
  process.exit(2)
}
const [fix, json] = [given.includes('--fix'), given.includes('--json')]
try {
  const { ctx, close } = await createWebRuntime({ ...readEnv(), LOG_LEVEL: 'fatal' })
  const plan = await planReconcile(ctx)
  const outcomes: FixOutcome[] = []
  let stopped: string | null = null
  const fixable = plan.drifts.filter((drift) => drift.act !== null)
  if (fix && fixable.length > 0) {
    const startedAt = ctx.now()
    const { reason } = await fixDrifts(ctx, {
      actor: 'operator',
      drifts: fixable,
      settled: async (outcome) => void outcomes.push(outcome),
    })
    stopped = reason
    await recordFixRun(ctx, { startedAt, outcomes, total: fixable.length, error: reason })
  }
  await close()
  const settled = new Set(outcomes.filter((one) => one.outcome !== 'failed').map((one) => one.id))
  const remaining = plan.drifts.filter((drift) => !settled.has(drift.id))
  const text = json
    ? asJson(plan, outcomes, remaining, stopped)
    : asText(plan, outcomes, remaining, stopped)
  // Idle connections to the provider would keep the process alive: exit once the text is written.
  process.stdout.write(`${text}\n`, () => process.exit(remaining.length > 0 ? 1 : 0))
} catch (error) {
  process.stderr.write(
    error instanceof EnvError
      ? `${error.message}\n`
      : `Cannot reconcile: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exit(1)
}

function asJson(
  plan: ReconcilePlan,
  outcomes: FixOutcome[],
  remaining: Drift[],
  stopped: string | null,
): string {
  const byId = new Map(outcomes.map((one) => [one.id, one]))
  return JSON.stringify({
    asOf: plan.asOf,
    upstreamKeys: plan.upstream,
    ourKeys: plan.ours,
    unverified: plan.unverified,
    dryRun: !fix,
    remaining: remaining.length,
    stopped,
    drifts: plan.drifts.map(({ act: _act, ...drift }) => ({
      ...drift,
      outcome: byId.get(drift.id)?.outcome ?? null,
      detail: byId.get(drift.id)?.detail ?? null,
    })),
  })
}

function asText(
  plan: ReconcilePlan,
  outcomes: FixOutcome[],
  remaining: Drift[],
  stopped: string | null,
): string {
  const byId = new Map(outcomes.map((one) => [one.id, one]))
  const lines = [
    `${plan.upstream} keys in the account, ${plan.ours} with this installation’s id, as of ${plan.asOf.toISOString()}.`,
  ]
  for (const kind of driftKinds) {
    const drifts = plan.drifts.filter((drift) => drift.kind === kind)
    if (drifts.length > 0) lines.push('', `${kind}: ${drifts.length}`)
    for (const drift of drifts) {
      const outcome = byId.get(drift.id)
      lines.push(
        `  ${drift.id}  ${drift.subject}`,
        `    ${drift.what}`,
        `    ${outcome ? `${outcome.outcome}: ${outcome.detail}` : repairText(drift)}`,
      )
    }
  }
  if (plan.unverified > 0)
    lines.push(
      '',
      `${plan.unverified} keys of our rows are not in the list and could not be looked up; run this again.`,
    )
  if (stopped) lines.push('', `Stopped: ${stopped}`)
  lines.push(
    '',
    plan.drifts.length === 0
      ? 'No differences.'
      : remaining.length === 0
        ? 'All differences are repaired.'
        : `${remaining.length} of ${plan.drifts.length} remain${fix ? '' : '; nothing was changed'}.`,
  )
  return lines.join('\n')
}

function repairText(drift: Drift): string {
  if (!drift.fix) return 'A person decides.'
  return `${fix ? 'Not done' : 'With --fix'}: ${drift.fix}`
}
