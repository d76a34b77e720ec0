/**
 * What staff should not miss about money, worked out from kept rows when a page is read: pools, the
 * newest sample of each workshop, the account's last reading, the newest check. Nothing is counted
 * and nobody is asked.
 */
import { formatUsd, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { liveClaim } from '../live-claim.server'
import { committedAt, worstCaseSpend } from '../workshop/worst-case'
import { readPools } from '../money/pool.server'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { findAccountReading, type AccountReading } from '../keys/account-reading.server'

export type AlertKind =
  'pool-80' | 'overspend' | 'credits-low' | 'credits-unread' | 'usage-stale' | 'drift'

export type AdminAlert = {
  kind: AlertKind
  tone: 'amber' | 'brick'
  workshopSlug: string | null
  title: string
  words: string
  /** Amounts as text, for those who want them apart from the words. */
  figures: Record<string, string>
  /** Of the reading behind it; null where the figures are as of now. */
  asOf: string | null
}

const poolShare = 80n
/**
 * Overruns below a cent are what requests in flight always leave; they stand in the figures, not in
 * a banner.
 */
const minOverrun: NanoUsd = 10_000_000n
const soonMs = 24 * 3_600_000
const creditsStaleMs = 45 * 60_000
const sampleMattersMs = 24 * 3_600_000

type Sample = {
  scope: string
  sampledAt: Date
  usage: NanoUsd
  liveKeys: number
  overKeys: number
  over: NanoUsd
}

/** All that stands now, the worst first. */
export async function readAlerts(ctx: Ctx): Promise<AdminAlert[]> {
  const [pools, samples, account, usage, drift] = await Promise.all([
    readPools(ctx.db),
    newestSamples(ctx),
    findAccountReading(ctx),
    staleUsage(ctx),
    openDrift(ctx),
  ])
  const snapshots = [...ctx.workshops.workshops.values()].map((workshop) => ({
    workshop,
    committed: nanoFromDecimalString(pools.get(workshop.slug)?.committedUsd ?? '0'),
    sample: samples.get(workshop.slug) ?? null,
  }))
  const promised = [...pools].reduce(
    (sum, [slug, pool]) =>
      sum +
      atLeastNothing(nanoFromDecimalString(pool.committedUsd) - (samples.get(slug)?.usage ?? 0n)),
    0n,
  )
  const alerts = [
    ...snapshots.flatMap((snapshot) => overspendOf(ctx, snapshot)),
    ...snapshots.flatMap((snapshot) => poolOf(ctx, snapshot)),
    ...creditsOf(ctx, account, promised, snapshots),
    ...usage,
    ...drift,
  ]
  return alerts.sort((a, b) => Number(a.tone === 'amber') - Number(b.tone === 'amber'))
}

type Snapshot = { workshop: Workshop; committed: NanoUsd; sample: Sample | null }

function poolOf(ctx: Ctx, { workshop, committed, sample }: Snapshot): AdminAlert[] {
  const limit = workshop.poolLimit
  if (limit === null || limit === 0n || committed * 100n < limit * poolShare || committed > limit)
    return []
  if (
    windowState(workshop, ctx.now()) === 'closed' &&
    !(isLately(ctx, sample) && sample.liveKeys > 0)
  )
    return []
  const room = (limit - committed) / committedAt(workshop, ctx.now())
  const spent = sample
    ? ` ${formatUsd(sample.usage)} of it ${sample.usage === 0n ? 'is' : 'has been'} spent.`
    : ''
  return [
    {
      kind: 'pool-80',
      tone: 'amber',
      workshopSlug: workshop.slug,
      title: `${workshop.title}: ${(committed * 100n) / limit} % of the pool is committed.`,
      words: `${formatUsd(committed)} of ${formatUsd(limit)} is promised to keys.${spent} ${room === 0n ? 'There is no room for another key.' : `There is room for ${room} more ${room === 1n ? 'key' : 'keys'}.`} To make more room, raise limit_usd in the workshop’s file.`,
      figures: {
        committed: formatUsd(committed),
        limit: formatUsd(limit),
        ...(sample ? { spent: formatUsd(sample.usage) } : {}),
      },
      asOf: sample?.sampledAt.toISOString() ?? null,
    },
  ]
}

function overspendOf(ctx: Ctx, { workshop, committed, sample }: Snapshot): AdminAlert[] {
  const found: AdminAlert[] = []
  const about = {
    kind: 'overspend',
    workshopSlug: workshop.slug,
    asOf: sample?.sampledAt.toISOString() ?? null,
  } as const
  const limit = workshop.poolLimit
  if (limit !== null && committed > limit) {
    found.push({
      ...about,
      tone: 'brick',
      title: `${workshop.title} has passed its pool by ${formatUsd(committed - limit)}.`,
      words: `${formatUsd(committed)} is committed and the file allows ${formatUsd(limit)}. Either limit_usd was lowered, or requests that were under way passed a cap and were charged. No new key is given until there is room.`,
      figures: {
        committed: formatUsd(committed),
        limit: formatUsd(limit),
        over: formatUsd(committed - limit),
      },
    })
  }
  if (isLately(ctx, sample) && sample.over >= minOverrun) {
    found.push({
      ...about,
      tone: sample.usage > committed ? 'brick' : 'amber',
      title: `${workshop.title}: ${sample.overKeys} ${sample.overKeys === 1 ? 'key has' : 'keys have'} passed their caps, by ${formatUsd(sample.over)} together.`,
      words:
        'Requests that were under way when a cap was reached are finished and paid. The overrun is charged to the pool when the key ends.',
      figures: {
        keys: String(sample.overKeys),
        over: formatUsd(sample.over),
        spent: formatUsd(sample.usage),
      },
    })
  }
  return found
}

function creditsOf(
  ctx: Ctx,
  account: AccountReading,
  promised: NanoUsd,
  snapshots: Snapshot[],
): AdminAlert[] {
  const { creditsLeft: left, readAt, error } = account
  const found: AdminAlert[] = []
  if (
    error !== null &&
    (readAt === null || ctx.now().getTime() - readAt.getTime() > creditsStaleMs)
  ) {
    found.push({
      kind: 'credits-unread',
      tone: 'amber',
      workshopSlug: null,
      title: 'What the account has left cannot be read.',
      words: `The last try said: ${error}. Until it works again, nobody here can tell whether the credit is enough.`,
      figures: {},
      asOf: readAt?.toISOString() ?? null,
    })
  }
  if (left === null) return found
  const soon = new Date(ctx.now().getTime() + soonMs)
  const room = snapshots
    .filter(
      ({ workshop }) =>
        windowState(workshop, ctx.now()) === 'open' || windowState(workshop, soon) === 'open',
    )
    .reduce(
      (sum, { workshop, committed }) =>
        sum + atLeastNothing((worstCaseSpend(workshop, ctx.now()) ?? committed) - committed),
      0n,
    )
  const figures = { left: formatUsd(left), promised: formatUsd(promised), room: formatUsd(room) }
  const asOf = readAt?.toISOString() ?? null
  if (left < promised) {
    found.push({
      kind: 'credits-low',
      tone: 'brick',
      workshopSlug: null,
      title: `The account has ${formatUsd(left)} left, less than the keys given out may spend.`,
      words: `They may spend ${formatUsd(promised)} more. When the account is empty, every key stops working and no new one can be made. Add credit at openrouter.ai/credits.`,
      figures,
      asOf,
    })
  } else if (left < promised + room) {
    found.push({
      kind: 'credits-low',
      tone: 'amber',
      workshopSlug: null,
      title: `The account has ${formatUsd(left)} left, which a full house could pass.`,
      words: `Keys given out may spend ${formatUsd(promised)} more, and ${formatUsd(room)} can still be claimed today. Add credit at openrouter.ai/credits before the doors open.`,
      figures,
      asOf,
    })
  }
  return found
}

/** Live keys whose usage was not read for longer than it should be. */
async function staleUsage(ctx: Ctx): Promise<AdminAlert[]> {
  const [row] = await ctx.db.$queryRaw<
    { syncedAt: Date | null; error: string | null; stale: boolean }[]
  >`
    select synced_at as "syncedAt", error,
      coalesce(synced_at < now() - make_interval(secs => greatest(300, 2.5 * coalesce(every_seconds, 900))),
      failed_at is not null)
      and exists (select 1 from keymint.workshop_attendance c
        where ${liveClaim(ctx.now())}) as stale from keymint.usage_syncs`
  if (!row?.stale) return []
  const reason = row.error ? `The last try said: ${row.error}.` : 'No worker seems to have run it.'
  return [
    {
      kind: 'usage-stale',
      tone: 'amber',
      workshopSlug: null,
      title: 'What keys have used is not up to date.',
      words: `${reason} Caps hold all the same: the provider keeps them. The figures on these pages stand still.`,
      figures: {},
      asOf: row.syncedAt?.toISOString() ?? null,
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
      tone: 'amber',
      workshopSlug: null,
      title: `${row.open} ${row.open === 1 ? 'disagreement' : 'disagreements'} with the provider ${row.open === 1 ? 'waits' : 'wait'} for a person.`,
      words: 'The Reconcile page says what differs and what a fix would do.',
      figures: { open: String(row.open) },
      asOf: row.asOf?.toISOString() ?? null,
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
const atLeastNothing = (amount: NanoUsd) => (amount < 0n ? 0n : amount)
