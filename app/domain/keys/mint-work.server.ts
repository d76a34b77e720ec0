/** What a run of a mint decides by: its row, its holder, its account and what is in its way. */
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import type { JobError } from '../job-outcome'
import type { KeyLimitReset } from '../workshop-file'
import type { KeyWork } from './mint-attempt.server'
import type { MintSnapshot } from './mint-policy'

export type MintWork = MintSnapshot & KeyWork & { hasGuardrail: boolean }

export async function readWork(ctx: Ctx, mintId: string): Promise<MintWork | null> {
  type Row = Omit<MintWork, 'gate' | 'limitReset' | 'limit'> & {
    limit: string
    limitReset: string | null
    gateSeconds: number | null
    gateReason: string | null
    gateCause: JobError | null
    gateFailures: number
    pausedReason: string | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select m.id as "mintId", k.id as "keyId", m.holder_kind as "holderKind", m.holder_id as "holderId",
      m.generation, m.scope, m.account, m.allowed_models as "allowedModels", m.options, m.state, m.attempts,
      k.limit_usd::text as "limit", k.limit_reset as "limitReset", m.expires_at as "expiresAt",
      k.wants_guardrail as "wantsGuardrail", m.delay_reason as "delayReason",
      greatest(0, ceil(extract(epoch from m.not_before - now())))::int as "secondsUntilNotBefore",
      coalesce(h.waiting, false) as "holderWaits", coalesce(h.barred, false) as "holderBarred",
      m.generation > 1 and exists (select 1 from keymint.keys f
        where f.holder_kind = m.holder_kind and f.holder_id = m.holder_id and f.generation < m.generation
          and f.saved_at is not null and f.closed_at is null and f.deleted_at is null
          and not (f.without_reset and f.off_replaced_at is null and f.off_ended_at is null
            and f.seen_revision = f.revision and f.seen_reset is null and f.seen_limit_usd <= f.limit_usd
            and (f.doubt_until is null or f.doubt_until <= keymint.now()
              or (not f.doubt_on and f.doubt_limit_usd <= f.limit_usd)))) as "formerOpen",
      exists (select 1 from keymint.guardrails r where r.workshop_slug = m.scope) as "hasGuardrail",
      (select count(*) from (
        select 1 from keymint.mint_attempts u join keymint.mints o on o.id = u.mint_id
        where u.state = 'unknown' and u.resolved_at is null and u.deleted_at is null and o.account = m.account
        limit 500) counted)::int as unresolved,
      a.parked_at is not null as parked,
      case when a.cooldown_until is not null
        then greatest(0, ceil(extract(epoch from a.cooldown_until - now())))::int end as "gateSeconds",
      a.reason as "gateReason", a.cause as "gateCause", a.failures as "gateFailures",
      case when g.paused_at is null then null else coalesce(g.pause_reason, '') end as "pausedReason"
    from keymint.mints m
    join keymint.keys k on k.mint_id = m.id
    join keymint.accounts a on a.id = m.account
    cross join keymint.minting g
    left join keymint.key_holders h on h.holder_kind = m.holder_kind and h.holder_id = m.holder_id
      and h.generation = m.generation
    where m.id = ${mintId}::uuid`
  const row = rows[0]
  if (!row) return null
  const { gateSeconds, gateReason, gateCause, gateFailures, pausedReason, ...rest } = row
  return {
    ...rest,
    secondsUntilNotBefore: rest.secondsUntilNotBefore ?? 0,
    limit: nanoFromDecimalString(row.limit),
    limitReset: row.limitReset as KeyLimitReset | null,
    gate: {
      secondsUntilOpen: gateSeconds,
      reason: gateReason,
      cause: gateCause,
      failures: gateFailures,
      pausedReason,
    },
  }
}
