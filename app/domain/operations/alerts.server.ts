/**
 * What staff should not miss about money, worked out from kept rows when a page is read: pools, the
 * newest sample of each workshop, the account's last reading, the newest check. Nothing is counted
 * and the provider is not asked. Codes and values only: messages/alerts.ts has the sentences.
 */
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { liveClaim } from '../live-claim.server'
import { moneyView } from '../money-view'
import { committedAt, firstClaimAt } from '../workshop/worst-case'
import { claimedOf, readPools } from '../money/pool.server'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { errorSentence } from '../error-text'
import type { EngineCtx } from './engine.server'
import type { Finding, MoneyCause } from './judgement'
import type { JobError } from '../job-outcome'
import { findAccountReading, type AccountReading } from '../keys/account-reading.server'
import { deploymentAccount } from '../keys/accounts.server'
import {
  creditsAhead,
  isPoolNearlyCommitted,
  isPoolPassed,
  judgeCredits,
  type CreditsAhead,
} from './money-judgement'

type MoneyFinding = Finding<MoneyCause>

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

/** All that is wrong with money now, errors first. */
export async function readMoneyFindings(ctx: EngineCtx): Promise<MoneyFinding[]> {
  const [pools, samples, account, ends, usage, drift] = await Promise.all([
    readPools(ctx.db),
    newestSamples(ctx),
    findAccountReading(ctx),
    ctx.db.workshopEnd.findMany({ select: { slug: true } }),
    staleUsage(ctx),
    openDrift(ctx),
  ])
  const committed = new Map([...pools].map(([slug, pool]) => [slug, claimedOf(pool)]))
  const ended = new Set(ends.map(({ slug }) => slug))
  const snapshots = [...ctx.workshops.workshops.values()].map((workshop) => ({
    workshop,
    committed: committed.get(workshop.slug) ?? 0n,
    sample: samples.get(workshop.slug) ?? null,
    over: ended.has(workshop.slug) || windowState(workshop, ctx.now()) === 'closed',
  }))
  const ahead = creditsAhead(ctx, committed, (slug) => samples.get(slug)?.usage ?? 0n, ended)
  const alerts = [
    ...snapshots.flatMap((snapshot) => overspendOf(ctx, snapshot)),
    ...snapshots.flatMap((snapshot) => poolOf(ctx, snapshot)),
    ...creditsOf(ctx, account, ahead),
    ...usage,
    ...drift,
  ]
  return alerts.sort((a, b) => Number(a.severity !== 'error') - Number(b.severity !== 'error'))
}

type Snapshot = {
  workshop: Workshop
  committed: NanoUsd
  sample: Sample | null
  /** Nothing more is handed out. */
  over: boolean
}

const aboutWorkshop = ({ workshop: { slug, title }, sample }: Snapshot) => ({
  workshop: { slug, title },
  since: null,
  asOf: sample?.sampledAt.toISOString() ?? null,
})

function poolOf(ctx: EngineCtx, snapshot: Snapshot): MoneyFinding[] {
  const { workshop, committed, sample } = snapshot
  const limit = workshop.poolLimit
  if (limit === null || !isPoolNearlyCommitted(committed, limit)) return []
  if (snapshot.over && !(isLately(ctx, sample) && sample.liveKeys > 0)) return []
  return [
    {
      code: 'pool-80',
      help: 'outside',
      severity: 'warning',
      ...aboutWorkshop(snapshot),
      percent: Number((committed * 100n) / limit),
      committed: moneyView(committed),
      limit: moneyView(limit),
      spent: sample && moneyView(sample.usage),
      roomForKeys: Number(
        (limit - committed) / committedAt(workshop, firstClaimAt(workshop, ctx.now())),
      ),
    },
  ]
}

function overspendOf(ctx: EngineCtx, snapshot: Snapshot): MoneyFinding[] {
  const { workshop, committed, sample } = snapshot
  const found: MoneyFinding[] = []
  const limit = workshop.poolLimit
  if (limit !== null && isPoolPassed(committed, limit)) {
    found.push({
      code: 'pool-passed',
      help: 'outside',
      severity: 'error',
      ...aboutWorkshop(snapshot),
      committed: moneyView(committed),
      limit: moneyView(limit),
      over: moneyView(committed - limit),
    })
  }
  if (isLately(ctx, sample) && sample.over >= minOverrun) {
    found.push({
      code: 'keys-over-limit',
      help: 'none',
      severity: sample.usage > committed ? 'error' : 'warning',
      ...aboutWorkshop(snapshot),
      keys: sample.overKeys,
      over: moneyView(sample.over),
    })
  }
  return found
}

function creditsOf(ctx: EngineCtx, account: AccountReading, ahead: CreditsAhead): MoneyFinding[] {
  const { creditsLeft: left, readAt, error } = account
  const about = { workshop: null, since: null, asOf: readAt?.toISOString() ?? null }
  const found: MoneyFinding[] = []
  if (
    error !== null &&
    (readAt === null || ctx.now().getTime() - readAt.getTime() > creditsStaleMs)
  )
    found.push({ code: 'credits-unread', help: 'waits', severity: 'warning', ...about, error })
  const low = left === null ? null : judgeCredits(left, ahead)
  if (left !== null && low)
    found.push({
      code: 'credits-low',
      help: 'outside',
      severity: low.severity,
      ...about,
      level: low.level,
      left: moneyView(left),
      promised: moneyView(ahead.promised),
      claimable: moneyView(ahead.claimable),
    })
  return found
}

/** Live keys whose usage was not read for longer than it should be. */
async function staleUsage(ctx: EngineCtx): Promise<MoneyFinding[]> {
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
      code: 'usage-stale',
      help: 'waits',
      severity: 'warning',
      workshop: null,
      since: null,
      asOf: row.syncedAt?.toISOString() ?? null,
      error: row.error && errorSentence(row.error),
    },
  ]
}

async function openDrift(ctx: EngineCtx): Promise<MoneyFinding[]> {
  const [row] = await ctx.db.$queryRaw<{ open: number; asOf: Date | null }[]>`
    select (select count(*)::int from keymint.reconcile_drifts d where d.run_id = r.id
      and d.state in ('open', 'failed')) as open, r.as_of as "asOf"
    from keymint.reconcile_runs r where r.kind = 'check' and r.state = 'done' order by r.asked_at desc limit 1`
  if (!row || row.open === 0) return []
  return [
    {
      code: 'drift',
      help: 'press',
      severity: 'warning',
      workshop: null,
      since: null,
      asOf: row.asOf?.toISOString() ?? null,
      open: row.open,
    },
  ]
}

/** One index probe for each pool. */
async function newestSamples(ctx: EngineCtx): Promise<Map<string, Sample>> {
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

const isLately = (ctx: EngineCtx, sample: Sample | null): sample is Sample =>
  sample !== null && ctx.now().getTime() - sample.sampledAt.getTime() < sampleMattersMs
