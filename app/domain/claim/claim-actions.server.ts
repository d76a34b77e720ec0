/**
 * What staff do to claims: one or many, by id or by the filter of the page. Everything is a bulk
 * action, so that it is recorded with its actor, its reason and its filter, and finished even if a
 * process crashes meanwhile.
 */
import { Prisma, type Db, type Tx } from '~/adapters/db.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { maxBulkClaims, startBulk, type BulkRefusal, type StartedBulk } from '../bulk/bulk.server'
import type { Ctx } from '../ctx'
import { actionParams, type EndReason } from './action-params'
import { claimBulkKind } from './claim-kinds.server'
import { moneyView } from '../money-view'
import { committedFor, windowsIn } from '../money/committed'
import type { PoolCaps } from '../workshop-file'
import { capsOf } from '../workshop/worst-case'
import type { KeyLimitReset } from '../workshop-file'
import type { ClaimAction, ClaimSelection } from './actions'
import { claimWhere } from './claim-filter.server'
import type { MoneyView } from '../money-view'

export type StartedClaimAction =
  | { kind: 'started'; bulkId: string; count: number }
  | { kind: 'refused'; reason: ClaimActionRefusal }

/** Why an action is not started; more claims than `maxBulkClaims` are too many. */
export type ClaimActionRefusal =
  | BulkRefusal
  | 'nothing-selected'
  | 'reason-missing'
  | 'reason-too-long'
  | 'limit-not-positive'
  | 'end-not-in-future'

export type ClaimActionInput = {
  actorUserId: string
  workshopSlug: string
  action: ClaimAction
  selection: ClaimSelection
  reason: string
}

/**
 * Starts the action; what becomes of each claim is read with readBulk(bulkId). Refused means that
 * nothing was written.
 */
export async function startClaimAction(
  ctx: Ctx,
  input: ClaimActionInput,
): Promise<StartedClaimAction> {
  const refusal = refusalOf(ctx, input)
  if (refusal) return { kind: 'refused', reason: refusal }
  const { action, workshopSlug, selection } = input
  const started = await ctx.db.$transaction(
    (tx) =>
      startClaimBulk(ctx, tx, {
        action,
        scope: workshopSlug,
        actorUserId: input.actorUserId,
        reason: input.reason.trim(),
        caps: capsOfFile(ctx, workshopSlug),
        subjects: subjectsSql(workshopSlug, selection),
        selection: { ...selection },
        max: maxBulkClaims,
      }),
    { maxWait: 5_000, timeout: 30_000 },
  )
  return started.kind === 'started' ? started : { kind: 'refused', reason: started.reason }
}

/** For callers that choose the claims themselves, in their own transaction. */
export async function startClaimBulk(
  ctx: Ctx,
  tx: Tx,
  input: {
    action: ClaimAction
    scope: string | null
    actorUserId: string
    reason: string | null
    caps: PoolCaps | null
    subjects: Prisma.Sql
    selection: Prisma.InputJsonObject
    max: number
    endReason?: EndReason
  },
): Promise<StartedBulk> {
  return startBulk(ctx, tx, {
    kind: claimBulkKind(input.action.kind),
    params: actionParams(input.action, input.caps, input.endReason),
    scope: input.scope,
    selection: input.selection,
    reason: input.reason,
    actor: `user:${input.actorUserId}`,
    subjects: input.subjects,
    max: input.max,
  })
}

export type ClaimActionPreview = {
  /** Claims that are selected; some may be skipped, each with a reason, when their turn comes. */
  count: number
  /** Of those, the ones that the action is for. */
  fitting: number
  /** Of those, the ones that the pool has room for, in the order in which they claimed. */
  covered: number
  /** What the pool has committed now, and would have after the covered ones. */
  pool: { before: MoneyView; after: MoneyView; limit: MoneyView | null } | null
  /** What all of them would commit more, or less where `frees` is true. */
  difference: { amount: MoneyView; frees: boolean }
  /** The same of the covered ones. */
  coveredAmount: MoneyView
}

/** What the action would do, from the rows as they are now. Changes nothing and holds nothing. */
export async function previewClaimAction(
  ctx: Ctx,
  input: Omit<ClaimActionInput, 'actorUserId' | 'reason'>,
): Promise<ClaimActionPreview> {
  const { workshopSlug, selection, action } = input
  const rows = await readSelected(ctx.db, workshopSlug, selection)
  const fitting = rows.filter((row) => isFor(ctx, action, row))
  const pool = await ctx.db.pool.findUnique({ where: { workshopSlug } })
  const differences = fitting.map((row) => differenceOf(ctx, action, row))
  const difference = sumOf(differences)
  const before = pool ? nanoFromDecimalString(pool.committedUsd.toFixed(9)) : 0n
  const limit = ctx.workshops.workshops.get(workshopSlug)?.poolLimit ?? null
  const covered = coveredBy(limit === null ? null : limit - before, differences)
  return {
    count: rows.length,
    fitting: fitting.length,
    covered: covered.length,
    pool: pool
      ? {
          before: moneyView(before),
          after: moneyView(before + sumOf(covered)),
          limit: limit === null ? null : moneyView(limit),
        }
      : null,
    difference: {
      amount: moneyView(difference < 0n ? -difference : difference),
      frees: difference < 0n,
    },
    coveredAmount: moneyView(sumOf(covered)),
  }
}

const sumOf = (amounts: NanoUsd[]) => amounts.reduce((sum, amount) => sum + amount, 0n)

/**
 * The differences that the pool has room for, one after the other. What a lower limit frees comes
 * back only when the provider has confirmed it, and makes no room before.
 */
function coveredBy(free: NanoUsd | null, differences: NanoUsd[]): NanoUsd[] {
  if (free === null) return differences
  let left = free
  return differences.filter((difference) => {
    if (difference <= 0n) return true
    if (difference > left) return false
    left -= difference
    return true
  })
}

export function capsOfFile(ctx: Ctx, workshopSlug: string): PoolCaps | null {
  const workshop = ctx.workshops.workshops.get(workshopSlug)
  return workshop ? capsOf(workshop, ctx.settings) : null
}

const maxReasonLength = 500

function refusalOf(
  ctx: Ctx,
  { action, selection, reason }: ClaimActionInput,
): ClaimActionRefusal | null {
  if ('claimIds' in selection && selection.claimIds.length === 0) return 'nothing-selected'
  if (reason.trim().length === 0) return 'reason-missing'
  if (reason.length > maxReasonLength) return 'reason-too-long'
  if (action.kind === 'set-limit' && action.limit <= 0n) return 'limit-not-positive'
  if (action.kind === 'extend' && action.expiresAt <= ctx.now()) return 'end-not-in-future'
  return null
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

function selectedSql(workshopSlug: string, selection: ClaimSelection): Prisma.Sql {
  if ('filter' in selection) return claimWhere(workshopSlug, selection.filter)
  return Prisma.sql`
    c.workshop_slug = ${workshopSlug}
      and c.claim_id = any(${selection.claimIds.filter((id) => uuid.test(id))}::uuid[])`
}

function subjectsSql(workshopSlug: string, selection: ClaimSelection): Prisma.Sql {
  return Prisma.sql`
    select 'claim:' || c.claim_id as subject from keymint.workshop_attendance c join keymint.attendees a
      using (user_id)
    where ${selectedSql(workshopSlug, selection)} order by c.attended_at, c.claim_id`
}

type Selected = {
  state: string
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  expiresAt: Date
  own: NanoUsd
  used: NanoUsd
  bound: boolean
  disabled: boolean
  settled: boolean
  /** Something of it waits for the provider. */
  waits: boolean
}

async function readSelected(
  db: Db,
  workshopSlug: string,
  selection: ClaimSelection,
): Promise<Selected[]> {
  const rows = await db.$queryRaw<
    (Omit<Selected, 'limit' | 'own' | 'used'> & { limit: string; own: string; used: string })[]
  >`
    select c.state, c.limit_usd::text as "limit", c.limit_reset as "limitReset", c.expires_at as "expiresAt",
      (select coalesce(sum(greatest(w.reserved_usd, w.used_usd)), 0) from keymint.keys k
        join keymint.key_windows w on w.key_id = k.id where k.holder_kind = 'claim' and k.holder_id = c.claim_id
          and k.generation = c.generation)::text as own, c.usage_usd::text as used,
      c.guardrail_attached_at is not null as bound, c.disabled_at is not null as disabled,
        c.settled_at is not null as settled,
      c.state = 'pending' or exists (select 1 from keymint.keys k where k.holder_kind = 'claim'
        and k.holder_id = c.claim_id and k.saved_at is not null and k.deleted_at is null
        and k.closed_at is null and (k.revision <> k.seen_revision or k.apply_failed_at is not null)) as waits
    from keymint.workshop_attendance c join keymint.attendees a using (user_id)
      where ${selectedSql(workshopSlug, selection)} order by c.attended_at, c.claim_id
    limit ${maxBulkClaims + 1}::int`
  return rows.map((row) => ({
    ...row,
    limit: nanoFromDecimalString(row.limit),
    own: nanoFromDecimalString(row.own),
    used: nanoFromDecimalString(row.used),
  }))
}

function isFor(ctx: Ctx, action: ClaimAction, row: Selected): boolean {
  const live = row.state === 'ready' && row.expiresAt > ctx.now()
  switch (action.kind) {
    case 'retry':
      return row.state === 'refused' && row.expiresAt > ctx.now()
    case 'bind':
      return live && !row.bound
    case 'try-now':
      return row.waits
    case 'disable':
      return live && !row.disabled
    case 'enable':
      return live && row.disabled
    case 'set-limit':
      return live && row.limit !== action.limit
    case 'revoke':
      return live || row.state === 'pending'
    case 're-issue':
      return live && !row.disabled
    case 'extend':
      return live && !row.disabled && action.expiresAt > row.expiresAt
  }
}

/** What the claim would commit more or less, at most. */
function differenceOf(ctx: Ctx, action: ClaimAction, row: Selected): NanoUsd {
  const from = ctx.now()
  const windows = (expiresAt: Date) => windowsIn({ reset: row.limitReset, from, expiresAt })
  switch (action.kind) {
    case 'retry':
      return committedFor({
        keyLimit: row.limit,
        reset: row.limitReset,
        from,
        expiresAt: row.expiresAt,
      })
    case 'set-limit':
      return (action.limit - row.limit) * windows(row.expiresAt)
    case 'extend':
      return row.limit * (windows(action.expiresAt) - windows(row.expiresAt))
    case 'revoke':
      return row.used - row.own
    case 'bind':
    case 'try-now':
    case 'disable':
    case 'enable':
    case 're-issue':
      return 0n
  }
}
