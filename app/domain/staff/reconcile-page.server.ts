/** What /admin/reconcile shows, from rows alone: no page ever waits for the provider. */
import type { Ctx } from '../ctx'
import { driftKinds, type DriftKind } from '../keys/drift'
import { workerSeen } from '../worker-seen.server'

export type DriftRow = {
  id: string
  what: string
  fix: string | null
  state: 'open' | 'asked' | 'fixed' | 'failed' | 'moot'
  detail: string | null
  workshopSlug: string | null
  /** As the claim's page shows it; null for what belongs to no claim. */
  reference: string | null
  keyHash: string | null
}

export type DriftGroup = {
  kind: DriftKind
  total: number
  open: number
  fixable: number
  rows: DriftRow[]
}

export type RunRow = {
  id: string
  kind: 'check' | 'fix'
  state: 'waiting' | 'running' | 'done' | 'failed'
  actor: string
  /** The name of the person behind the actor, where it is one that still exists. */
  actorName: string | null
  askedAt: string
  finishedAt: string | null
  total: number
  fixed: number
  failed: number
  moot: number
  error: string | null
}

export type ReconcileView = {
  asOf: string
  /** The newest check that came to an end; null before the first. */
  check: {
    id: string
    asOf: string
    upstreamKeys: number
    ourKeys: number
    unverified: number
    groups: DriftGroup[]
    open: number
    fixable: number
  } | null
  /** A newer check that could not read the provider. */
  failedSince: { at: string; reason: string | null } | null
  running: RunRow[]
  workerSeen: boolean
  history: RunRow[]
}

const rowsPerGroup = 50
const runsShown = 20

/** The newest check with its outcome, what is running, and the last runs. */
export async function readReconcileView(ctx: Ctx): Promise<ReconcileView> {
  const [check, runs, [workers]] = await Promise.all([
    ctx.db.reconcileRun.findFirst({
      where: { kind: 'check', state: 'done' },
      orderBy: { askedAt: 'desc' },
    }),
    readRuns(ctx),
    ctx.db.$queryRaw<
      { seen: boolean }[]
    >`select exists (select 1 from keymint.workers where ${workerSeen}) as seen`,
  ])
  const [counts, rows] = check
    ? await Promise.all([countByKind(ctx, check.id), readRows(ctx, check.id)])
    : [[], []]
  const newestCheck = runs.find(
    (run) => run.kind === 'check' && (run.state === 'failed' || run.state === 'done'),
  )
  const groups = driftKinds.flatMap((kind): DriftGroup[] => {
    const count = counts.find((one) => one.kind === kind)
    return count
      ? [
          {
            kind,
            total: count.total,
            open: count.open,
            fixable: count.fixable,
            rows: rows.filter((row) => row.kind === kind).map(({ kind: _kind, ...row }) => row),
          },
        ]
      : []
  })
  return {
    asOf: ctx.now().toISOString(),
    check: check && {
      id: check.id,
      asOf: (check.asOf ?? check.askedAt).toISOString(),
      upstreamKeys: check.upstreamKeys ?? 0,
      ourKeys: check.ourKeys ?? 0,
      unverified: check.unverified,
      groups,
      open: counts.reduce((sum, one) => sum + one.open, 0),
      fixable: counts.reduce((sum, one) => sum + one.fixable, 0),
    },
    failedSince:
      newestCheck?.state === 'failed'
        ? {
            at: newestCheck.finishedAt ?? newestCheck.askedAt,
            reason: newestCheck.error,
          }
        : null,
    running: runs.filter((run) => run.state === 'waiting' || run.state === 'running'),
    workerSeen: workers?.seen ?? false,
    history: runs.filter((run) => run.state === 'done' || run.state === 'failed'),
  }
}

function countByKind(ctx: Ctx, checkId: string) {
  return ctx.db.$queryRaw<{ kind: DriftKind; total: number; open: number; fixable: number }[]>`
    select kind, count(*)::int as total, count(*)
      filter (where state in ('open', 'asked', 'failed'))::int as open,
      count(*) filter (where state in ('open', 'failed') and fix is not null)::int as fixable
    from keymint.reconcile_drifts where run_id = ${checkId}::uuid group by kind`
}

/** The first rows of each kind, those that are still open before those that are settled. */
function readRows(ctx: Ctx, checkId: string) {
  return ctx.db.$queryRaw<(DriftRow & { kind: DriftKind })[]>`
    select id, kind, what, fix, state, detail, workshop_slug as "workshopSlug",
      upper(left(claim_id::text, 8)) as reference, key_hash as "keyHash"
    from (select d.*, row_number() over (partition by kind
      order by (state in ('fixed', 'moot')), position) as place
      from keymint.reconcile_drifts d where run_id = ${checkId}::uuid) d
    where place <= ${rowsPerGroup}::int order by (state in ('fixed', 'moot')), position`
}

async function readRuns(ctx: Ctx): Promise<RunRow[]> {
  type Row = Omit<RunRow, 'askedAt' | 'finishedAt'> & { askedAt: Date; finishedAt: Date | null }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select r.id, r.kind, r.state, r.asked_at as "askedAt", r.finished_at as "finishedAt", r.total, r.fixed,
      r.failed, r.moot, r.error,
      r.actor, a.display_name as "actorName"
    from keymint.reconcile_runs r left join keymint.attendees a on r.actor = 'user:' || a.user_id
    order by r.asked_at desc, r.id limit ${runsShown}::int`
  return rows.map((row) => ({
    ...row,
    askedAt: row.askedAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
  }))
}
