/**
 * Sub-keys as their holders and the team's owners see them: rows, and nothing of the queue's own
 * state.
 */
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import { monthOf } from '../money/month'
import { moneyView } from '../money-view'
import type { SubKeyPhase, SubKeyView } from './view-types'

type Row = {
  id: string
  userId: string
  displayName: string
  purpose: string
  service: string
  masterKeyLabel: string | null
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  detail: string | null
  cap: string
  wantedCap: string | null
  reset: 'monthly' | null
  spent: string
  committed: string
  label: string | null
  models: string[]
  sealed: boolean
  changeError: string | null
  rotating: boolean
  settled: boolean
  createdAt: Date
  expiresAt: Date
  endedAt: Date | null
  usageSyncedAt: Date | null
  delayReason: string | null
  attempts: number | null
  generation: number
}

/**
 * Newest first, those that can be used before those that are over; of one member, of one key, or
 * all of the team. 500 at most.
 */
export async function listSubKeys(
  ctx: Ctx,
  filter: { teamId: string; userId?: string; keyId?: string },
): Promise<SubKeyView[]> {
  const now = ctx.now()
  const rows = await ctx.db.$queryRaw<Row[]>`
    select k.id, k.user_id as "userId", a.display_name as "displayName", k.purpose, k.service,
      v.label as "masterKeyLabel", k.state, k.reason, k.reason_detail as detail,
      k.cap_usd::text as cap, k.wanted_cap_usd::text as "wantedCap", k.reset, k.key_label as label, k.models,
        k.sealed is not null as sealed, k.change_error as "changeError",
      k.rotate_requested_at is not null as rotating, k.settled_at is not null as settled,
        k.created_at as "createdAt", k.expires_at as "expiresAt", k.ended_at as "endedAt",
      k.usage_synced_at as "usageSyncedAt", m.delay_reason as "delayReason", m.attempts, k.generation,
      (select coalesce(sum(s.spent_usd), 0)::text from keymint.key_months s where s.api_key_id = k.id
        and (k.reset is null or s.month = ${monthOf(now)}::date)) as spent,
      (select coalesce(sum(s.committed_usd), 0)::text from keymint.key_months s
        where s.api_key_id = k.id) as committed
    from keymint.api_keys k join keymint.attendees a using (user_id)
    left join keymint.master_keys v on v.id = k.master_key_id
    left join keymint.mints m on m.holder_kind = 'sub-key' and m.holder_id = k.id and m.generation = k.generation
      and m.state = 'pending'
    where k.team_id = ${filter.teamId}::uuid
      and (${filter.userId ?? null}::text is null or k.user_id = ${filter.userId ?? null})
      and (${filter.keyId ?? null}::uuid is null or k.id = ${filter.keyId ?? null}::uuid)
    order by k.state in ('ended', 'refused'), k.created_at desc, k.id limit 500`
  return rows.map((row) => viewOf(row, now))
}

export async function findSubKey(
  ctx: Ctx,
  teamId: string,
  keyId: string,
): Promise<SubKeyView | null> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(keyId)) return null
  return (await listSubKeys(ctx, { teamId, keyId }))[0] ?? null
}

function viewOf(row: Row, now: Date): SubKeyView {
  const cap = nanoFromDecimalString(row.cap)
  const spent = nanoFromDecimalString(row.spent)
  const phase = phaseOf(row, now)
  return {
    id: row.id,
    reference: row.id.slice(0, 8).toUpperCase(),
    holder: { userId: row.userId, name: row.displayName },
    purpose: row.purpose,
    service: row.service,
    masterKeyLabel: row.masterKeyLabel,
    phase,
    reason: phase === 'settling' || phase === 'ended' ? (row.reason ?? 'expired') : row.reason,
    detail: row.detail,
    cap: moneyView(cap),
    wantedCap: row.wantedCap === null ? null : moneyView(nanoFromDecimalString(row.wantedCap)),
    reset: row.reset,
    spent: moneyView(spent),
    left: moneyView(cap > spent ? cap - spent : 0n),
    committed: moneyView(nanoFromDecimalString(row.committed)),
    label: row.label,
    models: row.models,
    revealable: row.sealed && (phase === 'ready' || phase === 'changing'),
    changeError: row.changeError,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    usageAsOf: row.usageSyncedAt?.toISOString() ?? null,
    delay:
      row.delayReason === null
        ? null
        : { reason: row.delayReason, attempt: (row.attempts ?? 0) + 1 },
    generation: row.generation,
  }
}

/** Whether a key has ended is computed when it is read. */
function phaseOf(row: Row, now: Date): SubKeyPhase {
  if (row.state === 'refused' || row.state === 'pending') return row.state
  if (row.state === 'ended') return row.settled ? 'ended' : 'settling'
  if (row.expiresAt <= now) return 'settling'
  return row.rotating ? 'rotating' : row.wantedCap !== null ? 'changing' : 'ready'
}
