/**
 * What staff should not miss about money, worked out from kept rows when a page is read: pools, the
 * newest sample of each workshop, the account's last reading, the newest check. Nothing is counted
 * and the provider is not asked. Codes and values only: messages/alerts.ts has the sentences.
 */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { moneyView, type MoneyView } from '../money-view'
import { committedAt } from '../workshop/worst-case'
import { readPools } from '../money/pool.server'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { errorSentence } from '../error-text'
import type { JobError } from '../job-outcome'
import { findAccountReading, type AccountReading } from '../keys/account-reading.server'
import { deploymentAccount, parkedFrom, type ParkedReason } from '../keys/accounts.server'
import {
  creditsAhead,
  isPoolNearlyCommitted,
  isPoolPassed,
  judgeCredits,
  type CreditsAhead,
  type CreditsLow,
} from './money-judgement'

export type AlertCause =
  | {
      kind: 'pool-80'
      percent: number
      committed: MoneyView
      limit: MoneyView
      spent: MoneyView | null
      roomForKeys: number
    }
  | { kind: 'pool-passed'; committed: MoneyView; limit: MoneyView; over: MoneyView }
  | { kind: 'keys-over-limit'; keys: number; over: MoneyView }
  | {
      kind: 'credits-low'
      level: CreditsLow
      left: MoneyView
      promised: MoneyView
      claimable: MoneyView
    }
  | { kind: 'credits-unread'; error: string }
  | { kind: 'usage-stale'; error: string | null }
  | { kind: 'drift'; open: number }
  | { kind: 'account-parked'; reason: ParkedReason }

export type AdminAlert = AlertCause & {
  severity: 'warning' | 'error'
  workshop: { slug: string; title: string } | null
  /** Time of the reading behind it; null where it is as of now. */
  asOf: string | null
}

/** Requests in flight always overrun a limit by less than a cent; no alert for that. */
const minOverrun: NanoUsd = 10_000_000n
const creditsStaleMs = 45 * 60_000
/** Keys are read every minute. */
const usageStaleSeconds = 300
const sampleMattersMs = 24 * 3_600_000

type Sample = {
  scope: string
  sampledAt: Date
  usage: NanoUsd
  liveKeys: number
  overKeys: number
  over: NanoUsd
}

/** All present alerts, errors first. */
export async function readAlerts(ctx: Ctx): Promise<AdminAlert[]> {
  const [pools, samples, account, ends, usage, drift, parked] = await Promise.all([
    readPools(ctx.db),
    newestSamples(ctx),
    findAccountReading(ctx),
    ctx.db.workshopEnd.findMany({ select: { slug: true } }),
    staleUsage(ctx),
    openDrift(ctx),
    parkedAccount(ctx),
  ])
  const committed = new Map(
    [...pools].map(([slug, pool]) => [slug, nanoFromDecimalString(pool.committedUsd)]),
  )
  const snapshots = [...ctx.workshops.workshops.values()].map((workshop) => ({
    workshop,
    committed: committed.get(workshop.slug) ?? 0n,
    sample: samples.get(workshop.slug) ?? null,
  }))
  const ahead = creditsAhead(
    ctx,
    committed,
    (slug) => samples.get(slug)?.usage ?? 0n,
    new Set(ends.map(({ slug }) => slug)),
  )
  const alerts = [
    ...parked,
    ...snapshots.flatMap((snapshot) => overspendOf(ctx, snapshot)),
    ...snapshots.flatMap((snapshot) => poolOf(ctx, snapshot)),
    ...creditsOf(ctx, account, ahead),
    ...usage,
    ...drift,
  ]
  return alerts.sort((a, b) => Number(a.severity !== 'error') - Number(b.severity !== 'error'))
}

type Snapshot = { workshop: Workshop; committed: NanoUsd; sample: Sample | null }

const aboutWorkshop = ({ workshop: { slug, title }, sample }: Snapshot) => ({
  workshop: { slug, title },
  asOf: sample?.sampledAt.toISOString() ?? null,
})

function poolOf(ctx: Ctx, snapshot: Snapshot): AdminAlert[] {
  const { workshop, committed, sample } = snapshot
  const limit = workshop.poolLimit
  if (limit === null || !isPoolNearlyCommitted(committed, limit)) return []
  if (
    windowState(workshop, ctx.now()) === 'closed' &&
    !(isLately(ctx, sample) && sample.liveKeys > 0)
  )
    return []
  return [
    {
      kind: 'pool-80',
      severity: 'warning',
      ...aboutWorkshop(snapshot),
      percent: Number((committed * 100n) / limit),
      committed: moneyView(committed),
      limit: moneyView(limit),
      spent: sample && moneyView(sample.usage),
      roomForKeys: Number((limit - committed) / committedAt(workshop, ctx.now())),
    },
  ]
}

function overspendOf(ctx: Ctx, snapshot: Snapshot): AdminAlert[] {
  const { workshop, committed, sample } = snapshot
  const found: AdminAlert[] = []
  const limit = workshop.poolLimit
  if (limit !== null && isPoolPassed(committed, limit)) {
    found.push({
      kind: 'pool-passed',
      severity: 'error',
      ...aboutWorkshop(snapshot),
      committed: moneyView(committed),
      limit: moneyView(limit),
      over: moneyView(committed - limit),
    })
  }
  if (isLately(ctx, sample) && sample.over >= minOverrun) {
    found.push({
      kind: 'keys-over-limit',
      severity: sample.usage > committed ? 'error' : 'warning',
      ...aboutWorkshop(snapshot),
      keys: sample.overKeys,
      over: moneyView(sample.over),
    })
  }
  return found
}

function creditsOf(ctx: Ctx, account: AccountReading, ahead: CreditsAhead): AdminAlert[] {
  const { creditsLeft: left, readAt, error } = account
  const about = { workshop: null, asOf: readAt?.toISOString() ?? null }
  const found: AdminAlert[] = []
  if (
    error !== null &&
    (readAt === null || ctx.now().getTime() - readAt.getTime() > creditsStaleMs)
  )
    found.push({ kind: 'credits-unread', severity: 'warning', ...about, error })
  const low = left === null ? null : judgeCredits(left, ahead)
  if (left !== null && low)
    found.push({
      kind: 'credits-low',
      severity: low.severity,
      ...about,
      level: low.level,
      left: moneyView(left),
      promised: moneyView(ahead.promised),
      claimable: moneyView(ahead.claimable),
    })
  return found
}

/** The deployment's account, when Keymint has stopped using it until a person looks. */
async function parkedAccount(ctx: Ctx): Promise<AdminAlert[]> {
  const row = await ctx.db.account.findUnique({
    where: { id: deploymentAccount },
    select: { parkedAt: true, parkedReason: true },
  })
  const parked = parkedFrom(row?.parkedAt ?? null, row?.parkedReason ?? null)
  if (!parked) return []
  return [
    {
      kind: 'account-parked',
      reason: parked.reason,
      severity: 'error',
      workshop: null,
      asOf: parked.since,
    },
  ]
}

/** Live keys whose usage was not read for longer than it should be. */
async function staleUsage(ctx: Ctx): Promise<AdminAlert[]> {
  const [row] = await ctx.db.$queryRaw<
    { syncedAt: Date | null; error: JobError | null; stale: boolean }[]
  >`
    select listed_at as "syncedAt", read_error as error,
      coalesce(listed_at < keymint.now() - make_interval(secs => ${usageStaleSeconds}::int), read_failed_at is not null)
      and exists (select 1 from keymint.workshop_attendance c where ${liveClaim(ctx.now())}) as stale
    from keymint.accounts where id = ${deploymentAccount}::uuid`
  if (!row?.stale) return []
  return [
    {
      kind: 'usage-stale',
      severity: 'warning',
      workshop: null,
      asOf: row.syncedAt?.toISOString() ?? null,
      error: row.error && errorSentence(row.error),
    },
  ]
}

async function openDrift(ctx: Ctx): Promise<AdminAlert[]> {
  const [row] = await ctx.db.$queryRaw<{ open: number; asOf: Date | null }[]>`
    select (select count(*)::int from keymint.reconcile_drifts d where d.run_id = r.id
      and d.state in ('open', 'failed')) as open, r.as_of as "asOf"
    from keymint.reconcile_runs r where r.kind = 'check' and r.state = 'done' order by r.asked_at desc limit 1`
  if (!row || row.open === 0) return []
  return [
    {
      kind: 'drift',
      severity: 'warning',
      workshop: null,
      asOf: row.asOf?.toISOString() ?? null,
      open: row.open,
    },
  ]
}

/** One index probe for each pool. */
async function newestSamples(ctx: Ctx): Promise<Map<string, Sample>> {
  type Row = {
    scope: string
    sampledAt: Date
    usageUsd: string
    liveKeys: number
    overKeys: number
    overUsd: string
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select s.scope, s.sampled_at as "sampledAt", s.usage_usd::text as "usageUsd", s.live_keys as "liveKeys",
      s.over_keys as "overKeys", s.over_usd::text as "overUsd"
    from keymint.pools p cross
      join lateral (select * from keymint.usage_samples where scope = p.workshop_slug order by sampled_at desc
      limit 1) s`
  return new Map(
    rows.map(({ usageUsd, overUsd, ...row }) => [
      row.scope,
      { ...row, usage: nanoFromDecimalString(usageUsd), over: nanoFromDecimalString(overUsd) },
    ]),
  )
}

const isLately = (ctx: Ctx, sample: Sample | null): sample is Sample =>
  sample !== null && ctx.now().getTime() - sample.sampledAt.getTime() < sampleMattersMs
