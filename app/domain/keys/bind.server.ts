/**
 * Binding: assigning minted keys to their workshop's guardrail, many keys in one call. Assigning is
 * idempotent upstream, so it may be tried as often as needed; a bind that fails never takes a key
 * away from anybody.
 */
import { isProviderError } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import type { JobError } from '../job-outcome'
import { jobErrorOf, errorMessage } from '../error-text'
import { ensureGuardrail, forgetGuardrail } from './guardrail.server'

export { providerErrorText } from '../error-text'

export type BindOutcome = 'bound' | 'again' | 'set-aside'

type UnboundKey = { mintId: string; ownerKind: string; scope: string; hash: string }
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
    select m.id as "mintId", m.owner_kind as "ownerKind", k.scope, k.key_hash as hash
    from keymint.mints m join keymint.held_keys k on k.owner_kind = m.owner_kind and k.owner_id = m.owner_id
      and k.generation = m.generation
    where m.id = any(${mintIds}::uuid[]) and k.live and k.guardrail_attached_at is null`
  const results = new Map<string, BindResult>(
    mintIds.map((id) => [id, { outcome: 'bound', error: null }]),
  )
  for (const [scope, keys] of groupBy(unbound, (key) => key.scope)) {
    // One workshop's error with the database or its own rows must not keep the keys of the others
    // unbound.
    const inScope = await bindScope(ctx, scope, keys).catch((error: unknown): KeyResult[] => {
      ctx.log.error(
        { error, scope, keys: keys.length },
        'the keys of a workshop could not be bound, unexpectedly',
      )
      return []
    })
    const byHash = new Map(inScope.map((result) => [result.hash, result]))
    for (const key of keys)
      results.set(
        key.mintId,
        byHash.get(key.hash) ?? { outcome: 'again', error: { reason: 'unexpected' } },
      )
  }
  return results
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
    const guardrailGone = error.details.reason === 'not-found' && guardrailId !== null
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
    if (!isProviderError(error) || error.details.kind !== 'rejected') throw error
    const assigned = await ctx.provider.listAssignedHashes(guardrailId)
    return bisect(ctx, guardrailId, hashes, assigned, jobErrorOf(error.details))
  }
  const assigned = await ctx.provider.listAssignedHashes(guardrailId)
  return bisect(ctx, guardrailId, hashes, assigned, { reason: 'undercount' })
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
    if (!isProviderError(error) || error.details.kind !== 'rejected') throw error
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
    for (const [ownerKind, owned] of groupBy(keys, (key) => key.ownerKind)) {
      const owner = ctx.holders[ownerKind]
      if (!owner) continue
      const mine = results.filter((result) => owned.some((key) => key.hash === result.hash))
      const boundHashes = mine
        .filter((result) => result.outcome === 'bound')
        .map((result) => result.hash)
      if (boundHashes.length > 0 && guardrailId) await owner.markBound(tx, boundHashes, guardrailId)
      for (const [, failed] of groupBy(
        mine.filter((result) => result.outcome !== 'bound'),
        (result) => `${result.outcome} ${reasonOf(result)}`,
      )) {
        const [first] = failed
        if (first)
          await owner.markUnbound(
            tx,
            failed.map((result) => result.hash),
            reasonOf(first),
            { setAside: first.outcome === 'set-aside' },
          )
      }
    }
  })
}

const bound = (hash: string): KeyResult => ({ hash, outcome: 'bound', error: null })
const reasonOf = ({ error }: KeyResult) =>
  error ? errorMessage(error) : 'The provider gave no reason.'

function groupBy<Item>(items: Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}
