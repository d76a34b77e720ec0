/**
 * One workshop for staff: its line, what its unbound keys have in common, and a page of its claims.
 */
import { listBulk, type BulkView } from '../bulk/bulk.server'
import { readStock, type StockView } from '../claim/stock.server'
import type { Ctx } from '../ctx'
import { worstOf, type CauseCode, type Finding } from '../operations/judgement'
import { readWorkshopLine, type WorkshopLine } from './overview.server'
import type { ClaimListQuery } from './claim-list'
import { readClaimList, type ClaimListPage } from './claim-list.server'

/**
 * Why keys are unbound, the most frequent reason first, of the newest few hundred; null is a key that
 * has not been tried yet.
 */
export type UnboundReason = { reason: string | null; count: number; setAside: number }
export type WorkshopPage = {
  line: WorkshopLine
  /** The worst of this workshop, and of what stands in the way of all keys. */
  worst: Finding | null
  facts: { unbound: number; disabled: number; missing: number; overLimit: number }
  unboundReasons: UnboundReason[]
  /** Null where the workshop has no pre-minted keys. */
  stock: StockView | null
  /** Whether the workshop is closed and every key has ended. */
  over: boolean
  list: ClaimListPage
  /** The latest bulk actions of this workshop, newest first. */
  work: BulkView[]
  asOf: string
}

const newestUnbound = 500
const latestWork = 5

/** Null where there is neither a file nor a claim of this name. */
export async function readWorkshopPage(
  ctx: Ctx,
  slug: string,
  query: ClaimListQuery,
): Promise<WorkshopPage | null> {
  const found = await readWorkshopLine(ctx, slug)
  if (!found) return null
  const { line, counters, judgement } = found
  const [list, unboundReasons, stock, work] = await Promise.all([
    readClaimList(ctx, slug, query),
    counters.unbound > 0 ? readUnboundReasons(ctx, slug) : [],
    readStock(ctx, slug),
    listBulk(ctx, { scope: slug, limit: latestWork }),
  ])
  const { unbound, disabled, missing, overLimit } = counters
  return {
    line,
    worst: worstOf([
      ...line.health.reasons,
      ...(line.window === 'open' ? judgement.system.reasons.filter(isForEveryWorkshop) : []),
    ]),
    facts: { unbound, disabled, missing, overLimit },
    unboundReasons,
    stock,
    over:
      (line.window === 'closed' || line.window === null) &&
      counters.total > 0 &&
      counters.pending + counters.ready === 0,
    list,
    work,
    asOf: ctx.now().toISOString(),
  }
}

/** What is wrong with another workshop's file, or with a backup, is no matter of this one. */
const ofNoWorkshop: ReadonlySet<CauseCode> = new Set([
  'files-broken',
  'unbounded',
  'backup-failed',
  'backup-late',
])
const isForEveryWorkshop = ({ code }: Finding) => !ofNoWorkshop.has(code)

async function readUnboundReasons(ctx: Ctx, slug: string): Promise<UnboundReason[]> {
  return ctx.db.$queryRaw<UnboundReason[]>`
    select bind_error as reason, count(*)::int as count, count(*)
      filter (where bind_set_aside)::int as "setAside" from (
      select bind_error, bind_set_aside from keymint.workshop_attendance
      where workshop_slug = ${slug} and state = 'ready' and guardrail_attached_at is null
        order by attended_at desc limit ${newestUnbound}::int) newest
    group by 1 order by 2 desc limit 5`
}
