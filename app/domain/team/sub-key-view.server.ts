/** Sub-keys as their holders and the team's owners see them, read from rows and not from the queue. */
import { Prisma } from '~/adapters/db.server'
import type { KeyOption, ServiceCapabilities } from '~/adapters/service-adapter'
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import type { JobError } from '../job-outcome'
import { monthOf } from '../money/month'
import { isServiceAccount } from '../money/roles'
import { moneyView } from '../money-view'
import { mayOverlap } from './overlap.server'
import type { SubKeyPhase, SubKeyView } from './view-types'

type Row = {
  id: string
  userId: string
  displayName: string
  purpose: string
  project: string | null
  service: string
  baseUrl: string | null
  masterKeyLabel: string | null
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  detail: string | null
  cap: string
  reset: 'monthly' | null
  spent: string
  committed: string
  corrected: string
  label: string | null
  models: string[]
  masterKeyId: string
  modelsOpen: boolean
  modelsError: JobError | null
  modelsSoon: boolean | null
  sealed: boolean
  changeError: string | null
  rotating: boolean
  changing: boolean | null
  applyError: JobError | null
  missing: boolean | null
  disabledThere: boolean | null
  stillOpen: boolean | null
  cappedAt: Date | null
  capDueAt: Date | null
  perHour: string | null
  options: Record<string, string>
  settled: boolean
  budgetFollows: boolean | null
  formerHolder: string | null
  formerUserId: string | null
  replaceRefused: boolean | null
  /** Of one that ended because no new key could take its place: whether all it used is read. */
  formerSettled: boolean | null
  oldKey: OldKeyRow | null
  createdAt: Date
  expiresAt: Date
  endedAt: Date | null
  usageSyncedAt: Date | null
  delayReason: string | null
  pauseReason: string | null
  attempts: number | null
  generation: number
}

/** A former key that still works, or is being disabled after an overlap; as JSON, so times are text. */
type OldKeyRow = {
  label: string | null
  until: string | null
  left: string
  lowered: boolean
  closing: boolean
  failure: string | null
}

/** What a list of keys is narrowed to; null for everything. */
export type KeyFilter = {
  /** In purpose, project, holder's name, label or reference, in any case. */
  text: string | null
  holder: string | null
  service: string | null
  state: 'live' | 'ended' | null
}

/** So many keys that are over stand on one page of a list. */
const overPageSize = 20

/**
 * Keys that are live or not settled, 500 at most, and one page of those that are over, newest first.
 * `page` counts from 1.
 */
export async function listKeyPage(
  ctx: Ctx,
  filter: { teamId: string; userId?: string } & Partial<KeyFilter>,
  page: number,
): Promise<{ current: SubKeyView[]; over: SubKeyView[]; more: boolean }> {
  const [current, over] = await Promise.all([
    page === 1 ? listSubKeys(ctx, { ...filter, part: 'current' }) : [],
    listSubKeys(ctx, { ...filter, part: 'over', skip: (page - 1) * overPageSize }),
  ])
  return { current, over: over.slice(0, overPageSize), more: over.length > overPageSize }
}

/**
 * The keys of a team, of one member, or one key. Usable keys come first, then the newest; 500 at
 * most.
 */
export async function listSubKeys(
  ctx: Ctx,
  filter: {
    teamId: string
    userId?: string
    keyId?: string
    part?: 'current' | 'over'
    skip?: number
  } & Partial<KeyFilter>,
): Promise<SubKeyView[]> {
  const now = ctx.now()
  const { part, skip = 0 } = filter
  const limit = part === 'over' ? overPageSize + 1 : 500
  const { userId, keyId, holder } = filter
  // Only what is asked for stands in the statement, so that an index finds it among 200,000 ended keys.
  const whose = Prisma.join(
    [userId ?? null, holder ?? null].map((id) =>
      id !== null ? Prisma.sql`and k.user_id = ${id}` : Prisma.empty,
    ),
    ' ',
  )
  const which = keyId !== undefined ? Prisma.sql`and k.id = ${keyId}::uuid` : Prisma.empty
  const ofPart =
    part === 'current'
      ? Prisma.sql`and (k.state in ('pending', 'ready') or (k.state = 'ended' and k.settled_at is null))`
      : part === 'over'
        ? Prisma.sql`and k.state in ('ended', 'refused') and not (k.state = 'ended' and k.settled_at is null)`
        : Prisma.empty
  const rows = await ctx.db.$queryRaw<Row[]>`
    select k.id, k.user_id as "userId", a.display_name as "displayName", k.purpose, k.project, k.service,
      v.base_url as "baseUrl", v.label as "masterKeyLabel", k.state, k.reason, k.reason_detail as detail,
      k.cap_usd::text as cap, k.reset, k.key_label as label, coalesce(e.models, k.models) as models,
        k.master_key_id as "masterKeyId", coalesce(e.models_open, false) as "modelsOpen",
        e.models_error as "modelsError",
        e.models_open and e.saved_at > keymint.now() - interval '5 s' as "modelsSoon",
        k.sealed is not null as sealed, k.change_error as "changeError",
      k.generation > 1 as rotating, k.settled_at is not null as settled, e.revision <> e.seen_revision as changing,
        e.apply_error as "applyError", e.missing_at is not null as missing,
        e.seen_off and e.off_staff_at is null and e.off_ended_at is null and e.off_cap_at is null
        and e.revision = e.seen_revision as "disabledThere", e.off_ended_at is not null and e.saved_at is not null
        and e.closed_at is null as "stillOpen",
        e.off_cap_at as "cappedAt", e.cap_due_at as "capDueAt", e.per_hour_usd::text as "perHour", k.options,
        k.state = 'ready' and e.limit_usd < k.cap_usd and exists (select 1 from keymint.keys f
          where f.holder_kind = 'sub-key' and f.holder_id = k.id and f.generation < k.generation
            and f.saved_at is not null and f.settled_at is null and f.stable_at is null) as "budgetFollows",
        k.former_user_id as "formerUserId",
        (select b.display_name from keymint.attendees b where b.user_id = k.former_user_id
          and k.state in ('pending', 'ready') and k.handed_generation = k.generation) as "formerHolder",
        k.state = 'ready' and exists (select 1 from keymint.mints r where r.holder_kind = 'sub-key'
          and r.holder_id = k.id and r.generation > k.generation and r.state = 'refused') as "replaceRefused",
        case when k.state = 'refused' then (select bool_and(f.settled_at is not null) from keymint.keys f
          where f.holder_kind = 'sub-key' and f.holder_id = k.id and f.generation < k.generation
            and f.saved_at is not null) end as "formerSettled",
        (select json_build_object('label', f.label, 'until', case when k.state = 'ready' then f.grace_until end,
            'left', greatest(f.limit_usd - f.used_usd, 0)::text, 'lowered', f.seen_revision = f.revision,
            'closing', f.off_replaced_at is not null, 'failure', f.apply_error ->> 'reason')
          from keymint.keys f where f.holder_kind = 'sub-key' and f.holder_id = k.id
            and k.state in ('pending', 'ready') and f.generation < k.generation and f.saved_at is not null
            and f.without_reset and f.off_ended_at is null and f.closed_at is null
          order by f.generation desc limit 1) as "oldKey",
        k.created_at as "createdAt", k.expires_at as "expiresAt",
        coalesce(k.ended_at, case when k.state = 'refused' and k.generation > 1 then least(k.expires_at,
          (select r.done_at from keymint.mints r where r.holder_kind = 'sub-key' and r.holder_id = k.id
            and r.generation = k.generation)) end) as "endedAt",
      k.usage_synced_at as "usageSyncedAt", m.delay_reason as "delayReason",
      (select g.pause_reason from keymint.minting g where g.paused_at is not null) as "pauseReason",
      m.attempts, k.generation,
      (select coalesce(sum(s.spent_usd - s.corrected_usd), 0)::text from keymint.key_months s where s.api_key_id = k.id
        and (k.reset is null or s.month = ${monthOf(now)}::date)) as spent,
      (select coalesce(sum(s.committed_usd), 0)::text from keymint.key_months s
        where s.api_key_id = k.id) as committed,
      (select coalesce(sum(s.corrected_usd), 0)::text from keymint.key_months s
        where s.api_key_id = k.id) as corrected
    from keymint.api_keys k join keymint.attendees a using (user_id)
    left join keymint.master_keys v on v.id = k.master_key_id
    left join keymint.keys e on e.holder_kind = 'sub-key' and e.holder_id = k.id and e.generation = k.generation
    left join keymint.mints m on m.holder_kind = 'sub-key' and m.holder_id = k.id and m.generation = k.generation
      and m.state = 'pending'
    where k.team_id = ${filter.teamId}::uuid
      ${whose} ${which} ${ofPart}
      and (${filter.service ?? null}::text is null or k.service = ${filter.service ?? null})
      and (${filter.state ?? null}::text is null or (${filter.state ?? null}::text = 'live')
        = (k.state in ('pending', 'ready') and k.expires_at > ${now}::timestamptz))
      and (${filter.text ?? null}::text is null or position(lower(${filter.text ?? null}::text)
        in lower(concat_ws(' ', k.purpose, k.project, a.display_name, k.key_label, k.id::text))) > 0)
    order by k.state in ('ended', 'refused'), k.created_at desc, k.id limit ${limit}::int offset ${skip}::int`
  return rows.map((row) => {
    const adapter = ctx.services.get(row.service)
    // Where a secret has parts, its address is one of them.
    const baseUrl = adapter?.show
      ? null
      : row.service === 'openrouter'
        ? ctx.settings.providerBaseUrl
        : row.baseUrl
    return viewOf({ ...row, baseUrl }, now, adapter?.capabilities)
  })
}

/** Everybody who has or had a key in the team, by name: people who left have keys in the list. */
export async function listKeyHolders(
  ctx: Pick<Ctx, 'db'>,
  teamId: string,
): Promise<{ value: string; label: string }[]> {
  return ctx.db.$queryRaw<{ value: string; label: string }[]>`
    select a.user_id as value, a.display_name || case m.role when 'service' then ' (service account)' else ''
      end as label from keymint.team_members m
    join keymint.attendees a using (user_id)
    where m.team_id = ${teamId}::uuid and exists (select 1 from keymint.api_keys k
      where k.team_id = m.team_id and k.user_id = m.user_id)
    order by a.display_name, a.user_id`
}

/** When a reading last found new spending of the key; null for never. */
export async function findLastUse(ctx: Pick<Ctx, 'db'>, keyId: string): Promise<string | null> {
  const [row] = await ctx.db.$queryRaw<{ at: Date | null }[]>`
    select max(d.last_used_at) as at from keymint.key_days d where d.api_key_id = ${keyId}::uuid`
  return row?.at?.toISOString() ?? null
}

/** One key of the team, or null. `keyId` is a uuid. */
export async function findSubKey(
  ctx: Ctx,
  teamId: string,
  keyId: string,
): Promise<SubKeyView | null> {
  return (await listSubKeys(ctx, { teamId, keyId }))[0] ?? null
}

const isoOrNull = (at: Date | null) => at?.toISOString() ?? null

/** The words of the service for what was chosen. */
const chosenOf = (options: readonly KeyOption[], chosen: Record<string, string>) =>
  options.flatMap(({ name, label, choices }) => {
    const choice = choices.find(({ value }) => value === chosen[name])
    return choice ? [{ label, value: choice.label }] : []
  })

function viewOf(row: Row, now: Date, capabilities: ServiceCapabilities | undefined): SubKeyView {
  const cap = nanoFromDecimalString(row.cap)
  const spent = nanoFromDecimalString(row.spent)
  const phase = phaseOf(row, now)
  return {
    id: row.id,
    reference: row.id.slice(0, 8).toUpperCase(),
    holder: {
      userId: row.userId,
      name: row.displayName,
      service: isServiceAccount(row.userId),
    },
    purpose: row.purpose,
    project: row.project,
    service: row.service,
    baseUrl: row.baseUrl,
    masterKeyLabel: row.masterKeyLabel,
    phase,
    reason: phase === 'settling' || phase === 'ended' ? endingOf(row) : row.reason,
    detail: row.detail,
    cap: moneyView(cap),
    reset: row.reset,
    spent: moneyView(spent),
    left: moneyView(cap > spent ? cap - spent : 0n),
    committed: moneyView(nanoFromDecimalString(row.committed)),
    corrected: Number(row.corrected) === 0 ? null : moneyView(nanoFromDecimalString(row.corrected)),
    label: row.label,
    models: row.models,
    masterKeyId: row.masterKeyId,
    modelsOpen: modelsOpenOf(row, phase),
    upstream: upstreamOf(row),
    cappedAt: phase === 'ready' || phase === 'changing' ? isoOrNull(row.cappedAt) : null,
    capDueAt: isoOrNull(row.capDueAt),
    perHour: row.perHour === null ? null : moneyView(nanoFromDecimalString(row.perHour)),
    chosen: chosenOf(capabilities?.options ?? [], row.options),
    texts: capabilities?.texts ?? null,
    endHeldHere: capabilities?.expiryBy === 'keymint',
    replaceable: capabilities?.rotation ?? true,
    mayOverlap: mayOverlap(capabilities, row.reset),
    oldKey: row.oldKey && oldKeyOf(row.oldKey),
    formerHolder: row.formerHolder,
    formerService: isServiceAccount(row.formerUserId ?? ''),
    replaceRefused: row.replaceRefused ?? false,
    budgetFollows: row.budgetFollows ?? false,
    failure: row.applyError?.reason ?? null,
    revealable: row.sealed && !row.modelsSoon && (phase === 'ready' || phase === 'changing'),
    refusedChange: row.changeError === null ? null : { providerMessage: row.changeError || null },
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    usageAsOf: row.usageSyncedAt?.toISOString() ?? null,
    delay:
      row.delayReason === null
        ? null
        : {
            reason: row.delayReason,
            detail: row.delayReason === 'paused' ? row.pauseReason : null,
            attempt: (row.attempts ?? 0) + 1,
          },
    generation: row.generation,
  }
}

const oldKeyOf = ({ label, until, left, lowered, closing, failure }: OldKeyRow) => ({
  label,
  state: closing
    ? ('closing' as const)
    : until !== null
      ? ('working' as const)
      : lowered
        ? ('waiting' as const)
        : ('lowering' as const),
  until: closing || until === null ? null : new Date(until).toISOString(),
  left: moneyView(nanoFromDecimalString(left)),
  failure,
})

/** A key that has expired counts as ended at once, before a job has seen it. */
function phaseOf(row: Row, now: Date): SubKeyPhase {
  if (row.state === 'pending') return row.rotating ? 'rotating' : 'pending'
  // One that worked before has ended: what was refused is its replacement.
  if (row.state === 'refused' && row.formerSettled !== null)
    return row.formerSettled ? 'ended' : 'settling'
  if (row.state === 'refused') return row.state
  if (row.state === 'ended') return row.settled ? 'ended' : 'settling'
  if (row.expiresAt <= now) return 'settling'
  return row.changing ? 'changing' : 'ready'
}

function endingOf({ state, reason }: Row): string {
  if (state !== 'refused') return reason ?? 'expired'
  return reason === 'expired-before-mint' ? 'expired' : 'not-replaced'
}

/** A list that the provider has not confirmed, of a key that can be used. */
function modelsOpenOf(row: Row, phase: SubKeyPhase): SubKeyView['modelsOpen'] {
  if (!row.modelsOpen || row.modelsSoon || (phase !== 'ready' && phase !== 'changing')) return null
  return { failure: row.modelsError?.reason ?? null, detail: row.modelsError?.message ?? null }
}

/** What the provider says where that is not what is wanted. */
function upstreamOf(row: Row): SubKeyView['upstream'] {
  if (row.missing) return 'missing'
  if (row.stillOpen) return 'still-on'
  return row.disabledThere ? 'disabled' : 'as-wanted'
}
