/**
 * The guardrail of a workshop upstream: made once, found again by its id or by the installation in
 * its description, changed when the workshop's file changes. One of our name that is not ours is
 * never changed (decision 020). Its budget counts per key at the provider; the pool stays ours to
 * hold.
 */
import { createHash } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import type { GuardrailRules, UpstreamGuardrail } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import type { Ctx } from '../ctx'
import { unendedClaim } from '../live-claim.server'
import { maxWindowsPerMonth } from '../money/committed'
import type { Workshop } from '../workshop-file'

type Ensured = { id: string }

/**
 * Upstream calls made under the lock: three at most, ten seconds each, and no word to Postgres
 * meanwhile.
 */
const ensureTimeoutMs = 40_000

/**
 * The guardrail's id, making or changing it upstream if needed. Waits for whoever does so already.
 * Throws ProviderError.
 */
export async function ensureGuardrail(ctx: Ctx, slug: string): Promise<Ensured> {
  const rules = await guardrailRules(ctx, slug)
  const cached = await readCached(ctx.db, slug)
  if (cached && (!rules || cached.fingerprint === fingerprintOf(rules)))
    return { id: cached.guardrailId }
  return underGuardrailLock(ctx, slug, (tx) => ensureLocked(ctx, tx, slug, rules))
}

/** One process at a time makes or changes the guardrail of this name; the others wait and find it. */
export function underGuardrailLock<T>(
  ctx: Ctx,
  name: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return ctx.db.$transaction(
    async (tx) => {
      await allowIdling(tx)
      await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`guardrail:${name}`}, 0))`
      return work(tx)
    },
    { maxWait: 5_000, timeout: ensureTimeoutMs },
  )
}

/**
 * Tries to have the guardrail ready before a mint. Returns at once when somebody else is at it;
 * never throws, because nothing may stop the mint.
 */
export async function warmGuardrail(ctx: Ctx, slug: string): Promise<void> {
  try {
    const rules = await guardrailRules(ctx, slug)
    const cached = await readCached(ctx.db, slug)
    if (!rules || cached?.fingerprint === fingerprintOf(rules)) return
    await ctx.db.$transaction(
      async (tx) => {
        await allowIdling(tx)
        const [lock] = await tx.$queryRaw<
          { mine: boolean }[]
        >`select pg_try_advisory_xact_lock(hashtextextended(${`guardrail:${slug}`}, 0)) as mine`
        if (lock?.mine) await ensureLocked(ctx, tx, slug, rules)
      },
      { maxWait: 5_000, timeout: ensureTimeoutMs },
    )
  } catch (error) {
    ctx.log.warn(
      { slug, ...(isProviderError(error) ? { failure: error.details } : { error }) },
      'the guardrail could not be ensured before the mint',
    )
  }
}

/** Forgets a guardrail that the provider no longer knows: the next ensure makes a new one. */
export async function forgetGuardrail(ctx: Ctx, slug: string, guardrailId: string): Promise<void> {
  await ctx.db.guardrail.deleteMany({ where: { workshopSlug: slug, guardrailId } })
}

async function ensureLocked(
  ctx: Ctx,
  tx: Tx,
  slug: string,
  rules: GuardrailRules | null,
): Promise<Ensured> {
  const cached = await readCached(tx, slug)
  if (cached && (!rules || cached.fingerprint === fingerprintOf(rules)))
    return { id: cached.guardrailId }
  if (!rules)
    throw new Error(
      `there is neither a file nor a key of the workshop ${slug} to say what its guardrail allows`,
    )
  // List before create: a create whose answer was lost must not leave a second one. The oldest wins
  // on every machine.
  const listed = await ctx.provider.listGuardrails()
  const ours = ownGuardrails(listed, slug, {
    installationId: ctx.installationId,
    knownId: cached?.guardrailId ?? null,
  })[0]
  const name = ours?.name ?? freeName(ctx, listed, slug)
  const id =
    (ours && (await update(ctx, ours.id, { ...rules, name }))) ??
    (await ctx.provider.createGuardrail({ ...rules, name })).id
  const fingerprint = fingerprintOf(rules)
  await tx.guardrail.upsert({
    where: { workshopSlug: slug },
    create: { workshopSlug: slug, guardrailId: id, fingerprint },
    update: { guardrailId: id, fingerprint, ensuredAt: ctx.now() },
  })
  return { id }
}

/** `workshop-<slug>` where it is free, else the name that only this installation has. */
function freeName(ctx: Ctx, listed: readonly UpstreamGuardrail[], slug: string): string {
  const clash = listed.find(({ name }) => name === guardrailName(slug))
  if (!clash) return guardrailName(slug)
  const name = ownGuardrailName(slug, ctx.installationId)
  ctx.log.warn({ slug, name, foreign: clash.id }, 'the name of a guardrail is taken by another')
  return name
}

type Whose = { installationId: string; knownId: string | null }

/** The guardrails of this workshop that are ours. */
export const ownGuardrails = (
  listed: readonly UpstreamGuardrail[],
  slug: string,
  whose: Whose,
): UpstreamGuardrail[] =>
  ownOfNames(listed, [guardrailName(slug), ownGuardrailName(slug, whose.installationId)], whose)

/**
 * Those of these names that are ours: the one that our row names, then the oldest whose description
 * carries this installation. One that carries another installation is never ours, even where a
 * copied database still has its id.
 */
export function ownOfNames(
  listed: readonly UpstreamGuardrail[],
  names: readonly string[],
  { installationId, knownId }: Whose,
): UpstreamGuardrail[] {
  const known = listed.filter(
    ({ id, description }) =>
      id === knownId && [null, installationId].includes(installationOf(description)),
  )
  const marked = listed.filter(
    (guardrail) =>
      guardrail.id !== knownId &&
      names.includes(guardrail.name) &&
      installationOf(guardrail.description) === installationId,
  )
  return [...known, ...marked.sort(oldestFirst)]
}

export const markOf = (installationId: string) => `keymint ${installationId}`
const installationOf = (description: string | null) =>
  /\bkeymint ([0-9a-f]{12})\b/.exec(description ?? '')?.[1] ?? null

/** The id, or null when the provider no longer knows it. */
async function update(ctx: Ctx, id: string, rules: GuardrailRules): Promise<string | null> {
  try {
    await ctx.provider.updateGuardrail(id, rules)
    return id
  } catch (error) {
    if (isProviderError(error) && error.details.reason === 'not-found') return null
    throw error
  }
}

/**
 * Sessions that idle in a transaction are ended after 15 s (adapters/db.server.ts); these wait for
 * the provider.
 */
async function allowIdling(tx: Tx): Promise<void> {
  await tx.$executeRaw`
    select set_config('idle_in_transaction_session_timeout', ${String(ensureTimeoutMs)}, true)`
}

function readCached(db: Tx, slug: string) {
  return db.guardrail.findUnique({ where: { workshopSlug: slug } })
}

/**
 * What the guardrail of a workshop must say, by its file and by the largest cap that one of its
 * keys has.
 */
export function guardrailRulesOf(
  workshop: Workshop,
  largestLimit: NanoUsd,
  installationId: string,
): GuardrailRules {
  return rulesFor(
    installationId,
    workshop.slug,
    largestLimit,
    workshop.keyLimitReset,
    workshop.poolLimit,
    workshop.allowedModels,
  )
}

/**
 * From the file; when the file is gone, from the newest key's own snapshot. Null when there is
 * neither.
 */
async function guardrailRules(ctx: Ctx, slug: string): Promise<GuardrailRules | null> {
  const workshop = ctx.workshops.workshops.get(slug)
  if (workshop) return readGuardrailRules(ctx, workshop)
  if (await readCached(ctx.db, slug)) return null
  const last = await ctx.db.workshopAttendance.findFirst({
    where: { workshopSlug: slug },
    orderBy: { attendedAt: 'desc' },
  })
  if (!last) return null
  const reset = last.limitReset as 'daily' | 'weekly' | 'monthly' | null
  return rulesFor(
    ctx.installationId,
    slug,
    nanoFromDecimalString(last.limitUsd.toFixed(9)),
    reset,
    null,
    last.allowedModels,
  )
}

/**
 * Staff may have raised a key above what the file says, or be about to: the guardrail must not bite
 * it.
 */
export async function largestKeyLimit(
  ctx: Pick<Ctx, 'db'>,
  slug: string,
  fromFile: NanoUsd,
): Promise<NanoUsd> {
  const [row] = await ctx.db.$queryRaw<{ largest: string | null }[]>`
    select greatest(
      (select max(limit_usd) from keymint.workshop_attendance c where workshop_slug = ${slug}
        and ${unendedClaim}),
      (select max(greatest(limit_usd, call_limit_usd, doubt_limit_usd)) from keymint.keys
        where scope = ${slug} and wants_guardrail and off_ended_at is null and off_replaced_at is null))::text
      as largest`
  const raised = nanoFromDecimalString(row?.largest ?? '0')
  return raised > fromFile ? raised : fromFile
}

/**
 * What the guardrail of a workshop should allow: what its file says, and room for the largest key
 * that staff have made of it.
 */
export async function readGuardrailRules(ctx: Ctx, workshop: Workshop): Promise<GuardrailRules> {
  const largest = await largestKeyLimit(ctx, workshop.slug, workshop.keyLimit)
  return guardrailRulesOf(workshop, largest, ctx.installationId)
}

/**
 * Makes the next ensure look at the guardrail again, whatever was believed of it. `gone` forgets
 * its id as well.
 */
export async function doubtGuardrail(
  tx: Tx,
  slug: string,
  options: { gone: boolean },
): Promise<void> {
  if (options.gone) await tx.guardrail.deleteMany({ where: { workshopSlug: slug } })
  else await tx.guardrail.updateMany({ where: { workshopSlug: slug }, data: { fingerprint: '' } })
}

/** Of several guardrails of one name the oldest counts, on every machine. */
export function oldestFirst(a: UpstreamGuardrail, b: UpstreamGuardrail): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || a.id.localeCompare(b.id)
}

export const guardrailName = (slug: string) => `workshop-${slug}`
/** Where another installation, or a person, has the plain name. */
export const ownGuardrailName = (slug: string, installationId: string) =>
  `${guardrailName(slug)}-${installationId}`

/**
 * The monthly budget is never below what one key may spend in a month: it must not bite before the
 * key's own cap.
 */
function rulesFor(
  installationId: string,
  slug: string,
  keyLimit: NanoUsd,
  reset: 'daily' | 'weekly' | 'monthly' | null,
  poolLimit: NanoUsd | null,
  allowedModels: string[],
): GuardrailRules {
  const worstMonth = keyLimit * BigInt(maxWindowsPerMonth(reset))
  return {
    name: guardrailName(slug),
    description: `${markOf(installationId)}: the budget counts per key; Keymint holds the pool.`,
    limit: poolLimit !== null && poolLimit > worstMonth ? poolLimit : worstMonth,
    allowedModels,
  }
}

export function fingerprintOf(rules: GuardrailRules): string {
  return createHash('sha256')
    .update(
      JSON.stringify([
        rules.name,
        rules.description,
        rules.limit?.toString() ?? null,
        rules.allowedModels,
      ]),
    )
    .digest('hex')
    .slice(0, 32)
}
