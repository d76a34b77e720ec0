/**
 * What one run of a mint works on: the mint with its limits, the state of its gate and what its
 * holder says, read in one statement.
 */
import type { KeyReset } from '~/adapters/key-provider'
import type { Ctx } from '../ctx'
import type { Holder, HolderKind, HolderRef } from '../holder'
import type { JobError } from '../job-outcome'
import type { Account } from './gate.server'
import type { MintSnapshot } from './mint-policy'

export type MintWork = MintSnapshot &
  HolderRef & {
    mintId: string
    ownerKind: HolderKind
    scope: string
    account: Account
    allowedModels: string[]
    limitUsd: string
    limitReset: KeyReset | null
    hasGuardrail: boolean
  }

export async function readWork(ctx: Ctx, mintId: string): Promise<MintWork | null> {
  type Row = Omit<MintWork, 'gate' | 'limitReset'> & {
    limitReset: string | null
    gateSeconds: number | null
    gateReason: string | null
    gateCause: JobError | null
    gateFailures: number | null
    pausedReason: string | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select m.id as "mintId", m.owner_kind as "ownerKind", m.owner_id as "ownerId", m.generation, m.scope,
      m.account, m.allowed_models as "allowedModels", m.state, m.attempts,
      m.limit_usd::text as "limitUsd", m.limit_reset as "limitReset", m.expires_at as "expiresAt",
        m.delay_reason as "delayReason",
      greatest(0, ceil(extract(epoch from m.not_before - now())))::int as "secondsUntilNotBefore",
      coalesce(o.waiting, false) as "ownerWaits", coalesce(o.barred, false) as "ownerBarred",
      exists (select 1 from keymint.guardrails r where r.workshop_slug = m.scope) as "hasGuardrail",
      case when g.cooldown_until is not null then greatest(0,
        ceil(extract(epoch from g.cooldown_until - now())))::int
        end as "gateSeconds", g.reason as "gateReason", g.cause as "gateCause",
      g.failures as "gateFailures", case when gate.paused_at is null then null
        else coalesce(gate.pause_reason, '') end as "pausedReason"
    from keymint.mints m
    cross join keymint.mint_gate gate
    left join keymint.service_gates own on own.account = m.account
    cross join lateral (select case when m.account is null then gate.cooldown_until else own.cooldown_until
      end as cooldown_until,
      case when m.account is null then gate.reason else own.reason end as reason, case
        when m.account is null then gate.cause else own.cause end as cause, case
        when m.account is null then gate.failures else own.failures end as failures) g
    left join keymint.mint_owners o on o.owner_kind = m.owner_kind and o.owner_id = m.owner_id
      and o.generation = m.generation
    where m.id = ${mintId}::uuid`
  const row = rows[0]
  if (!row) return null
  const { gateSeconds, gateReason, gateCause, gateFailures, pausedReason, ...rest } = row
  return {
    ...rest,
    secondsUntilNotBefore: rest.secondsUntilNotBefore ?? 0,
    limitReset: row.limitReset as KeyReset | null,
    gate: {
      secondsUntilOpen: gateSeconds,
      reason: gateReason,
      cause: gateCause,
      failures: gateFailures ?? 0,
      pausedReason,
    },
  }
}

export function holderOf(ctx: Ctx, work: { ownerKind: string }): Holder {
  const owner = ctx.holders[work.ownerKind]
  if (!owner) throw new Error(`there is no holder of the kind ${work.ownerKind}`)
  return owner
}
