/**
 * The receipt of a workshop: its totals. Guarantee: made once, by a job, when every key has ended,
 * every last reading is in and the provider's books of the last day are closed; never changed
 * after, because the database refuses it.
 */
import pLimit from 'p-limit'
import type { KeyProvider } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import { decimalStringFromNano } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { readCounters } from '../operations/counters.server'
import type { JobOutcome } from '../job-outcome'
import { windowState } from '../workshop/workshop'
import type { Missing, ReceiptBody, Report } from './receipt-view'
import { readReport } from './report.server'

export type ReceiptPage = {
  slug: string
  title: string
  /** Every key has ended and no claim can come any more. */
  over: boolean
  receipt: { body: ReceiptBody; madeAt: string; askedBy: string } | null
  asked: { at: string; by: string; missing: Missing[]; lookedAt: string | null } | null
  missing: Missing[]
  /** Of the receipt where it has one, else as of now. */
  report: Report | null
  asOf: string
}

const dayMs = 86_400_000
/** The provider's day is over at midnight; its books follow a little later. */
const booksAfterMidnightMs = 3_600_000
const maxKeysAsked = 5_000
const callsAtOnce = 4

/** Null where there is neither a file nor a claim of this name. */
export async function readReceiptPage(ctx: Ctx, slug: string): Promise<ReceiptPage | null> {
  const [counters, ended, receipt, request] = await Promise.all([
    readCounters(ctx.db, slug),
    isEnded(ctx, slug),
    ctx.db.receipt.findUnique({ where: { workshopSlug: slug } }),
    ctx.db.receiptRequest.findUnique({ where: { workshopSlug: slug } }),
  ])
  const workshop = ctx.workshops.workshops.get(slug)
  if (!workshop && counters.total === 0 && !receipt) return null
  const body = receipt ? (receipt.body as ReceiptBody) : null
  const report = body?.report ?? (await readReport(ctx, slug))
  const missing = missingSoFar(ctx, slug, counters.pending + counters.ready, ended)
  return {
    slug,
    title: body?.title ?? workshop?.title ?? slug,
    over: missing.length === 0 && counters.total > 0,
    receipt:
      receipt && body
        ? { body, madeAt: receipt.madeAt.toISOString(), askedBy: receipt.madeBy }
        : null,
    asked: request
      ? {
          at: request.askedAt.toISOString(),
          by: request.askedBy,
          missing: (request.missing ?? []) as Missing[],
          lookedAt: request.lookedAt?.toISOString() ?? null,
        }
      : null,
    missing,
    report,
    asOf: ctx.now().toISOString(),
  }
}

/**
 * Requests the receipt, or has the job check again. False while the workshop is not over; nothing
 * is written then.
 */
export async function requestReceipt(
  ctx: Ctx,
  input: { workshopSlug: string; actorUserId: string },
): Promise<boolean> {
  const { workshopSlug, actorUserId } = input
  const page = await readReceiptPage(ctx, workshopSlug)
  if (!page?.over || page.receipt) return false
  await ctx.db.$transaction(async (tx) => {
    const asked = await tx.$executeRaw`
      insert into keymint.receipt_requests (workshop_slug, asked_by)
        values (${workshopSlug}, ${`user:${actorUserId}`}) on conflict do nothing`
    if (
      (await ctx.queue.enqueue(
        tx,
        'make-receipt',
        { workshopSlug },
        { singletonKey: workshopSlug },
      )) === 'already-queued'
    )
      await ctx.queue.bringForward(tx, 'make-receipt', workshopSlug)
    if (asked === 1)
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'receipt.asked',
        subject: `workshop:${workshopSlug}`,
        scope: workshopSlug,
      })
  })
  return true
}

/**
 * Makes the requested receipt, or says when to check again. Safe to run twice and concurrently:
 * the first row stays.
 */
export async function makeReceipt(ctx: Ctx, workshopSlug: string): Promise<JobOutcome> {
  const request = await ctx.db.receiptRequest.findUnique({ where: { workshopSlug } })
  if (
    !request ||
    (await ctx.db.receipt.findUnique({ where: { workshopSlug }, select: { workshopSlug: true } }))
  )
    return { kind: 'done' }
  const missing = await findMissing(ctx, workshopSlug)
  if (missing.length > 0) return waitFor(ctx, workshopSlug, missing)
  let models: Pick<ReceiptBody, 'models' | 'modelsUsd'>
  try {
    models = await readModels(ctx, workshopSlug)
  } catch (error) {
    if (!isProviderError(error)) throw error
    return waitFor(ctx, workshopSlug, [{ what: 'provider' }])
  }
  const report = await readReport(ctx, workshopSlug)
  const body: ReceiptBody = {
    ...(await readFacts(ctx, workshopSlug)),
    ...models,
    ...(report ? { report } : {}),
  }
  await ctx.db.$transaction(async (tx) => {
    const made = await tx.$executeRaw`
      insert into keymint.receipts (workshop_slug, made_by, body)
        values (${workshopSlug}, ${request.askedBy}, ${JSON.stringify(body)}::jsonb) on conflict do nothing`
    if (made === 1)
      await recordAudit(tx, {
        actor: 'worker',
        action: 'receipt.made',
        subject: `workshop:${workshopSlug}`,
        scope: workshopSlug,
        details: { spentUsd: body.spentUsd, claims: body.claims },
      })
  })
  return { kind: 'done' }
}

async function waitFor(ctx: Ctx, workshopSlug: string, missing: Missing[]): Promise<JobOutcome> {
  await ctx.db.$executeRaw`
      update keymint.receipt_requests set missing = ${JSON.stringify(missing)}::jsonb, looked_at = now()
        where workshop_slug = ${workshopSlug}`
  const books = missing.find((one) => one.what === 'books')
  const seconds =
    books && missing.length === 1
      ? Math.max(60, (Date.parse(books.until) - ctx.now().getTime()) / 1000)
      : 120
  return {
    kind: 'snooze',
    seconds: Math.min(seconds, 3_600),
    reason: missing.map((one) => one.what).join(', '),
  }
}

const isEnded = async (ctx: Ctx, slug: string) =>
  (await ctx.db.workshopEnd.count({ where: { slug } })) > 0

function missingSoFar(ctx: Ctx, slug: string, live: number, ended: boolean): Missing[] {
  const workshop = ctx.workshops.workshops.get(slug)
  const missing: Missing[] = []
  if (workshop && !ended && windowState(workshop, ctx.now()) !== 'closed')
    missing.push({ what: 'open' })
  if (live > 0) missing.push({ what: 'live', keys: live })
  return missing
}

async function findMissing(ctx: Ctx, slug: string): Promise<Missing[]> {
  const [row] = await ctx.db.$queryRaw<{ live: number; unsettled: number; lastEnd: Date | null }[]>`
    select count(*) filter (where state in ('pending', 'ready'))::int as live,
      (select count(*) from keymint.keys k where k.scope = ${slug} and k.saved_at is not null
        and k.settled_at is null and (k.off_ended_at is not null or k.off_replaced_at is not null))::int as unsettled,
      max(least(ended_at, ${ctx.now()})) as "lastEnd"
    from keymint.workshop_attendance c where workshop_slug = ${slug}`
  const missing = missingSoFar(ctx, slug, row?.live ?? 0, await isEnded(ctx, slug))
  if (row && row.unsettled > 0) missing.push({ what: 'unsettled', keys: row.unsettled })
  if (row?.lastEnd) {
    const booksAt = Math.floor(row.lastEnd.getTime() / dayMs) * dayMs + dayMs + booksAfterMidnightMs
    if (ctx.now().getTime() < booksAt)
      missing.push({ what: 'books', until: new Date(booksAt).toISOString() })
  }
  return missing
}

/**
 * Percentiles are discrete: amounts that somebody really spent, never a fraction of a nano-dollar.
 */
async function readFacts(
  ctx: Ctx,
  slug: string,
): Promise<Omit<ReceiptBody, 'models' | 'modelsUsd'>> {
  type Row = {
    claims: number
    refused: number
    keys: number
    active: number
    median: string | null
    p95: string | null
    largest: string | null
    spent: string
    granted: string
    optIns: number
    firstClaim: Date | null
    lastEnd: Date | null
  }
  const [row] = await ctx.db.$queryRaw<Row[]>`
    with former as (select holder_id, sum(used_usd) as usage, count(*) as keys from keymint.keys k
      where k.scope = ${slug} and k.holder_kind = 'claim' and k.saved_at is not null and k.generation <
        (select c.generation from keymint.workshop_attendance c where c.claim_id = k.holder_id) group by holder_id),
    claim as (
      select c.*, c.usage_usd + coalesce(f.usage, 0) as spent,
        coalesce(f.keys, 0) + (c.or_key_hash is not null)::int as keys
      from keymint.workshop_attendance c left join former f on f.holder_id = c.claim_id
        where c.workshop_slug = ${slug})
    select count(*)::int as claims, count(*)
      filter (where state = 'refused')::int as refused, coalesce(sum(keys), 0)::int as keys, count(*)
      filter (where spent > 0)::int as active,
      (percentile_disc(0.5) within group (order by spent) filter (where spent > 0))::text as median,
        (percentile_disc(0.95) within group (order by spent) filter (where spent > 0))::text as p95,
      (max(spent) filter (where spent > 0))::text as largest,
        coalesce(sum(spent), 0)::numeric(20,9)::text as spent,
        coalesce(sum(limit_usd) filter (where keys > 0), 0)::numeric(20,9)::text as granted,
      (select count(*)::int from keymint.attendees where marketing_opted_in
        and marketing_opted_in_workshop = ${slug}) as "optIns", min(attended_at) as "firstClaim",
        max(ended_at) as "lastEnd"
    from claim`
  if (!row) throw new Error('an aggregate gives one row')
  const workshop = ctx.workshops.workshops.get(slug)
  const [difference] = await ctx.db.$queryRaw<
    { unspent: string }[]
  >`select greatest(${row.granted}::numeric - ${row.spent}::numeric, 0)::numeric(20,9)::text as unspent`
  return {
    title: workshop?.title ?? slug,
    claimsOpenedAt: workshop?.claimsOpenAt?.toISOString() ?? null,
    claimsClosedAt: workshop?.claimsCloseAt?.toISOString() ?? null,
    firstClaimAt: row.firstClaim?.toISOString() ?? null,
    lastKeyEndedAt: row.lastEnd?.toISOString() ?? null,
    claims: row.claims,
    refused: row.refused,
    keysMade: row.keys,
    activePeople: row.active,
    medianSpendUsd: row.median,
    p95SpendUsd: row.p95,
    largestSpendUsd: row.largest,
    spentUsd: row.spent,
    grantedUsd: row.granted,
    unspentUsd: difference?.unspent ?? '0',
    poolUsd: workshop?.poolLimit == null ? null : decimalStringFromNano(workshop.poolLimit),
    optIns: row.optIns,
  }
}

/**
 * One request for each key that was used: the provider's books know keys, not workshops. They reach
 * back 30 days.
 */
async function readModels(
  ctx: { db: Ctx['db']; provider: Pick<KeyProvider, 'listActivity'> },
  slug: string,
): Promise<Pick<ReceiptBody, 'models' | 'modelsUsd'>> {
  const keys = await ctx.db.$queryRaw<{ hash: string }[]>`
    select hash from keymint.keys where scope = ${slug} and hash is not null and used_usd > 0
    limit ${maxKeysAsked + 1}::int`
  if (keys.length > maxKeysAsked) return { models: null, modelsUsd: null }
  const limit = pLimit(callsAtOnce)
  const read = await Promise.all(
    keys.map(({ hash }) => limit(() => ctx.provider.listActivity({ keyHash: hash }))),
  )
  const byModel = Map.groupBy(read.flat(), (row) => row.model)
  const models = [...byModel].map(([model, rows]) => ({
    model,
    usage: rows.reduce((sum, row) => sum + row.usage, 0n),
    requests: sum(rows, (row) => row.requests),
    promptTokens: sum(rows, (row) => row.promptTokens),
    completionTokens: sum(rows, (row) => row.completionTokens),
  }))
  models.sort((a, b) =>
    a.usage < b.usage ? 1 : a.usage > b.usage ? -1 : a.model.localeCompare(b.model),
  )
  return {
    models: models.map(({ usage, ...model }) => ({ ...model, usd: decimalStringFromNano(usage) })),
    modelsUsd: decimalStringFromNano(models.reduce((total, model) => total + model.usage, 0n)),
  }
}

const sum = <Item>(items: Item[], of: (item: Item) => number) =>
  items.reduce((total, item) => total + of(item), 0)
