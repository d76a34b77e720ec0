/**
 * Assigning minted keys to their workshop's guardrail, many keys in one call. Assigning is
 * idempotent upstream, so it may be tried as often as needed; a bind that fails never takes a key
 * away from anybody.
 */
import { Prisma, type Tx } from '~/adapters/db.server'
import { isNotFound, isProviderError, type ProviderErrorDetails } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import type { HolderId } from '../holder'
import type { JobError } from '../job-outcome'
import { jobErrorOf, errorMessage } from '../error-text'
import { lockHolders } from './lock-holder.server'
import { deploymentAccount } from './accounts.server'
import { ensureGuardrail, forgetGuardrail } from './guardrail.server'

export { providerErrorText } from '../error-text'

export type BindOutcome = 'bound' | 'again' | 'set-aside'

type UnboundKey = HolderId & { mintId: string; scope: string; hash: string }
/** What became of a key, and the error that kept it unbound. */
export type BindResult = { outcome: BindOutcome; error: JobError | null }
type KeyResult = BindResult & { hash: string }

/**
 * Halving to find a bad hash may cost so many calls a batch; what is not reached waits for the next
 * try.
 */
const maxBisectCalls = 12

/**
 * Binds the keys of these mints. Mints whose key is bound, gone or ended already count as bound:
 * there is nothing left to do.
 */
export async function bindKeys(ctx: Ctx, mintIds: string[]): Promise<Map<string, BindResult>> {
  const unbound = await ctx.db.$queryRaw<UnboundKey[]>`
    select k.mint_id as "mintId", k.scope, k.hash, k.holder_kind as "holderKind",
      k.holder_id as "holderId" from keymint.keys k
    where k.mint_id = any(${mintIds}::uuid[]) and k.hash is not null and k.guardrail_at is null
      and k.off_ended_at is null and k.off_replaced_at is null and k.deleted_at is null`
  const outcomes = new Map<string, BindResult>(
    mintIds.map((id) => [id, { outcome: 'bound', error: null }]),
  )
  for (const [scope, keys] of groupBy(unbound, (key) => key.scope)) {
    // One workshop's error with the database or its own rows must not keep the keys of the others
    // unbound.
    const results = await bindScope(ctx, scope, keys).catch((error: unknown): KeyResult[] => {
      ctx.log.error(
        { error, scope, keys: keys.length },
        'the keys of a workshop could not be bound, unexpectedly',
      )
      return []
    })
    const byHash = new Map(results.map((result) => [result.hash, result]))
    for (const key of keys)
      outcomes.set(
        key.mintId,
        byHash.get(key.hash) ?? { outcome: 'again', error: { reason: 'unexpected' } },
      )
  }
  return outcomes
}

async function bindScope(ctx: Ctx, scope: string, keys: UnboundKey[]): Promise<KeyResult[]> {
  const hashes = keys.map((key) => key.hash)
  let guardrailId: string | null = null
  let results: KeyResult[]
  try {
    guardrailId = (await ensureGuardrail(ctx, scope)).id
    results = await assign(ctx, guardrailId, hashes)
  } catch (error) {
    if (!isProviderError(error)) throw error
    const guardrailGone =
      guardrailId !== null && (await isOutOfReach(ctx, guardrailId, error.details))
    if (guardrailGone && guardrailId) await forgetGuardrail(ctx, scope, guardrailId)
    ctx.log.warn({ scope, keys: hashes.length, failure: error.details }, 'keys could not be bound')
    const failure: JobError = guardrailGone
      ? { reason: 'guardrail-gone' }
      : jobErrorOf(error.details)
    results = hashes.map((hash) => ({ hash, outcome: 'again', error: failure }))
  }
  await record(ctx, keys, results, guardrailId)
  for (const [outcome, ended] of groupBy(results, (result) => result.outcome))
    ctx.metrics.countBinds(outcome, ended.length)
  return results
}

/**
 * One bulk call; only when the answer does not add up, a look at what is assigned and a search for
 * the bad hash.
 */
async function assign(ctx: Ctx, guardrailId: string, hashes: string[]): Promise<KeyResult[]> {
  try {
    if ((await ctx.provider.assignKeys(guardrailId, hashes)) === hashes.length)
      return hashes.map((hash) => bound(hash))
  } catch (error) {
    // An error that will pass, or one that hits every key alike, is not the fault of a hash.
    if (!isProviderError(error) || !mayBeOneKeys(error.details)) throw error
    if (await isOutOfReach(ctx, guardrailId, error.details)) throw error
    const assigned = await ctx.provider.listAssignedHashes(guardrailId)
    return bisect(ctx, guardrailId, hashes, assigned, jobErrorOf(error.details))
  }
  const assigned = await ctx.provider.listAssignedHashes(guardrailId)
  return bisect(ctx, guardrailId, hashes, assigned, { reason: 'undercount' })
}

/** A key of another workspace is forbidden, and spoils the call for those beside it. */
const mayBeOneKeys = ({ kind, reason }: ProviderErrorDetails) =>
  kind === 'rejected' || reason === 'forbidden'

/** Gone, or left behind in a workspace that is not ours any more: keys need another guardrail. */
async function isOutOfReach(
  ctx: Ctx,
  guardrailId: string,
  { reason }: ProviderErrorDetails,
): Promise<boolean> {
  if (reason === 'not-found') return true
  if (reason !== 'forbidden') return false
  const listed = await ctx.provider.listGuardrails().catch(() => null)
  return listed !== null && !listed.some(({ id }) => id === guardrailId)
}

async function bisect(
  ctx: Ctx,
  guardrailId: string,
  hashes: string[],
  assigned: Set<string>,
  failure: JobError,
): Promise<KeyResult[]> {
  const results: KeyResult[] = hashes
    .filter((hash) => assigned.has(hash))
    .map((hash) => bound(hash))
  const rest = hashes.filter((hash) => !assigned.has(hash))
  const parts =
    rest.length > 1 ? [rest.slice(0, rest.length >> 1), rest.slice(rest.length >> 1)] : [rest]
  for (let calls = 0; parts.length > 0; calls++) {
    const part = parts.shift() ?? []
    const [only] = part
    if (only === undefined) continue
    if (calls >= maxBisectCalls) {
      results.push(...part.map((hash): KeyResult => ({ hash, outcome: 'again', error: failure })))
    } else if (part.length === 1) {
      results.push(await judgeSingle(ctx, guardrailId, only, failure))
    } else if (await assignAll(ctx, guardrailId, part)) {
      results.push(...part.map((hash) => bound(hash)))
    } else {
      parts.push(part.slice(0, part.length >> 1), part.slice(part.length >> 1))
    }
  }
  return results
}

/** A lone hash is set aside only when the provider says that there is no such key. */
async function judgeSingle(
  ctx: Ctx,
  guardrailId: string,
  hash: string,
  failure: JobError,
): Promise<KeyResult> {
  if (await assignAll(ctx, guardrailId, [hash])) return bound(hash)
  if ((await ctx.provider.findKey(hash)) === null)
    return { hash, outcome: 'set-aside', error: { reason: 'key-gone' } }
  return { hash, outcome: 'again', error: failure }
}

async function assignAll(ctx: Ctx, guardrailId: string, hashes: string[]): Promise<boolean> {
  try {
    return (await ctx.provider.assignKeys(guardrailId, hashes)) === hashes.length
  } catch (error) {
    if (!isProviderError(error) || !mayBeOneKeys(error.details)) throw error
    return false
  }
}

async function record(
  ctx: Ctx,
  keys: UnboundKey[],
  results: KeyResult[],
  guardrailId: string | null,
): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    await lockHolders(ctx, tx, keys)
    const boundHashes = results
      .filter((result) => result.outcome === 'bound')
      .map((result) => result.hash)
    const mintIds = keys.map((key) => key.mintId)
    if (boundHashes.length > 0 && guardrailId)
      await tx.$executeRaw`
        with bound as (
          update keymint.keys set guardrail_id = ${guardrailId}, guardrail_at = now(), bind_error = null,
            bind_failed_at = null, bind_set_aside = false
          where mint_id = any(${mintIds}::uuid[]) and hash = any(${boundHashes}) and guardrail_at is null
          returning holder_kind, holder_id, scope)
        insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
        select 'worker', 'key.bound', holder_kind || ':' || holder_id, scope,
          jsonb_build_object('guardrailId', ${guardrailId}::text) from bound`
    for (const [, failed] of groupBy(
      results.filter((result) => result.outcome !== 'bound'),
      (result) => `${result.outcome} ${reasonOf(result)}`,
    )) {
      const [first] = failed
      if (first)
        await markUnbound(
          tx,
          failed.map((result) => result.hash),
          reasonOf(first),
          { setAside: first.outcome === 'set-aside' },
        )
    }
  })
}

/** A key bound this lately may not be on the list yet. */
const settlingSeconds = 30

/**
 * Keys whose row says that they are assigned, and the provider does not: their guardrail was deleted
 * or the assignment taken away, and they may use any model. They are assigned again, as a job each.
 * Returns how many.
 */
export async function reassignLost(ctx: Ctx): Promise<number> {
  const guardrails = await ctx.db.$queryRaw<{ slug: string; guardrailId: string }[]>`
    select distinct scope as slug, guardrail_id as "guardrailId" from keymint.keys k
    where ${assignedKey(ctx)} order by scope, guardrail_id`
  let lost = 0
  for (const { slug, guardrailId } of guardrails) {
    try {
      lost += await reassignLostOf(ctx, slug, guardrailId)
    } catch (error) {
      if (!isProviderError(error)) throw error
      ctx.log.warn({ slug, failure: error.details }, 'the keys of a guardrail could not be listed')
    }
  }
  return lost
}

const assignedKey = (ctx: Ctx) => Prisma.sql`k.account = ${deploymentAccount}::uuid
  and k.installation = ${ctx.installationId} and k.wants_guardrail and k.guardrail_id is not null
  and k.guardrail_at < now() - make_interval(secs => ${settlingSeconds}::int)
  and k.off_ended_at is null and k.off_replaced_at is null and k.missing_at is null
  and k.deleted_at is null and k.expires_at > keymint.now()`

async function reassignLostOf(ctx: Ctx, slug: string, guardrailId: string): Promise<number> {
  let assigned: Set<string>
  try {
    assigned = await ctx.provider.listAssignedHashes(guardrailId)
  } catch (error) {
    if (!isNotFound(error)) throw error
    await forgetGuardrail(ctx, slug, guardrailId)
    assigned = new Set()
  }
  return ctx.db.$transaction(async (tx) => {
    const lost = await tx.$queryRaw<HolderId[]>`
      select k.holder_kind as "holderKind",
      k.holder_id as "holderId" from keymint.keys k
      where ${assignedKey(ctx)} and k.scope = ${slug} and k.guardrail_id = ${guardrailId}
        and not (k.hash = any(${[...assigned]}::text[]))`
    await lockHolders(ctx, tx, lost)
    const keys = await tx.$queryRaw<{ mintId: string }[]>`
      update keymint.keys k set guardrail_at = null, bind_set_aside = false
      where ${assignedKey(ctx)} and k.scope = ${slug} and k.guardrail_id = ${guardrailId}
        and not (k.hash = any(${[...assigned]}::text[]))
      returning k.mint_id as "mintId"`
    for (const { mintId } of keys)
      await ctx.queue.enqueue(tx, 'bind-guardrail', { mintId }, { singletonKey: mintId })
    return keys.length
  })
}

/** Records why these keys are unbound; `setAside` stops the automatic tries until a person retries. */
export async function markUnbound(
  tx: Tx,
  hashes: string[],
  reason: string,
  { setAside }: { setAside: boolean },
): Promise<void> {
  await tx.$executeRaw`
    update keymint.keys set bind_tries = bind_tries + 1, bind_error = ${reason}, bind_failed_at = now(),
      bind_set_aside = bind_set_aside or ${setAside}
    where hash = any(${hashes}) and guardrail_at is null`
}

const bound = (hash: string): KeyResult => ({ hash, outcome: 'bound', error: null })
const reasonOf = ({ error }: KeyResult) =>
  error ? errorMessage(error) : 'The provider gave no reason.'

function groupBy<Item>(items: Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}
