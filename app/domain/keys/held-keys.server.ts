/**
 * Reads what reconcile compares. Everything upstream is listed first and the database read after,
 * so that a key saved meanwhile is seen as saved. Costs one call for each hundred keys of the
 * account; with guardrails one more for each hundred of ours; and one for each key that a row holds
 * and the list does not show.
 */
import { listAllKeys, type UpstreamKey } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import { nanoFromDecimalString } from '~/money'
import { ownGuardrails, readGuardrailRules } from './guardrail.server'
import type { Ctx } from '../ctx'
import { liveKey } from '../live-claim.server'
import { deploymentAccount } from './accounts.server'
import { upstreamNamePrefix } from './attempts.server'
import { windowState } from '../workshop/workshop'
import type { GuardrailState, HeldKey, KeyAttempt, Snapshot } from './drift'

/** A `sent` attempt younger than this may still be saved by the worker that made it. */
const sentGraceSeconds = 60
/** A key that was saved or ended this lately is still being seen to. */
const settlingSeconds = 30
/** Absences are asked about one by one; what is beyond this waits for the next pass. */
const maxAsked = 200

export type WholeSnapshot = Snapshot & { unverified: number }

/**
 * Reads everything. Throws ProviderError when a list cannot be read whole: half a list would make
 * drifts of its own.
 */
export async function readSnapshot(
  ctx: Ctx,
  options: { guardrails: boolean },
): Promise<WholeSnapshot> {
  const now = ctx.now()
  const installationPrefix = upstreamNamePrefix(ctx.installationId)
  const upstream = await ofThisAccount(ctx, await listAllKeys(ctx.provider))
  const guardrails = options.guardrails ? await readGuardrails(ctx) : null
  const canonicalSlugs =
    guardrails && guardrails.size > 0 ? await readCanonicalSlugs(ctx) : new Map<string, string>()
  const attempts = await readAttempts(
    ctx,
    upstream.map((key) => key.name).filter((name) => name.startsWith(installationPrefix)),
  )
  const held = await readHeld(ctx, { hashes: upstream.map((key) => key.hash), andLive: true })
  const { gone, found, unverified } = await askAboutAbsent(ctx, upstream, held)
  return {
    now,
    installationPrefix,
    upstream: [...upstream, ...found],
    attempts,
    held,
    gone,
    guardrails,
    canonicalSlugs,
    unverified,
  }
}

/**
 * The same for one key, asked for by itself: what a fix looks at right before it acts. Guardrails
 * come from the caller.
 */
export async function readSnapshotOfKey(
  ctx: Ctx,
  hash: string,
  known: Pick<Snapshot, 'guardrails' | 'canonicalSlugs'>,
): Promise<Snapshot> {
  const key = await ctx.provider.findKey(hash)
  const upstream = await ofThisAccount(ctx, key ? [key] : [])
  const attempts = await readAttempts(
    ctx,
    upstream.map(({ name }) => name),
  )
  const held = await readHeld(ctx, { hashes: [hash], andLive: false })
  const scoped =
    known.guardrails &&
    new Map([...known.guardrails].filter(([slug]) => held.some(({ scope }) => scope === slug)))
  return {
    now: ctx.now(),
    installationPrefix: upstreamNamePrefix(ctx.installationId),
    upstream,
    attempts,
    held,
    gone: new Set(key ? [] : [hash]),
    guardrails: scoped,
    canonicalSlugs: known.canonicalSlugs,
  }
}

/**
 * The guardrails of all workshops that have live keys, or that are open and have made one before.
 */
export async function readGuardrails(ctx: Ctx): Promise<Map<string, GuardrailState>> {
  const scopes = await ctx.db.$queryRaw<{ slug: string; cachedId: string | null; live: boolean }[]>`
    select slug, g.guardrail_id as "cachedId", bool_or(live) as live from (
      select scope as slug, true as live from keymint.held_keys
        where live and wants_guardrail and expires_at > ${ctx.now()} group by scope
      union all select workshop_slug, false from keymint.guardrails) as s
    left join keymint.guardrails g on g.workshop_slug = s.slug
    group by slug, g.guardrail_id order by slug`
  const wanted = scopes.filter(({ slug, live }) => {
    const workshop = ctx.workshops.workshops.get(slug)
    return live || (workshop !== undefined && windowState(workshop, ctx.now()) === 'open')
  })
  const snapshots = new Map<string, GuardrailState>()
  if (wanted.length === 0) return snapshots
  const upstream = await ctx.provider.listGuardrails()
  for (const { slug, cachedId } of wanted) {
    const workshop = ctx.workshops.workshops.get(slug)
    const whose = { installationId: ctx.installationId, knownId: cachedId }
    const guardrail = ownGuardrails(upstream, slug, whose)[0] ?? null
    const assigned = guardrail
      ? await ctx.provider.listAssignedHashes(guardrail.id)
      : new Set<string>()
    snapshots.set(slug, {
      slug,
      rules: workshop ? await readGuardrailRules(ctx, workshop) : null,
      cachedId,
      upstream: guardrail,
      assigned,
    })
  }
  return snapshots
}

/** By id and by canonical slug, so that either form is understood. */
export async function readCanonicalSlugs(ctx: Ctx): Promise<Map<string, string>> {
  return new Map((await ctx.provider.listModels()).map((model) => [model.id, model.canonicalSlug]))
}

/**
 * A team may make keys with a credential of the same provider account: those are read and settled by
 * that credential's own account, and are no business of this check.
 */
async function ofThisAccount(ctx: Ctx, keys: UpstreamKey[]): Promise<UpstreamKey[]> {
  const rows = await ctx.db.$queryRaw<{ name: string }[]>`
    select a.name from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id
    where m.account <> ${deploymentAccount}::uuid and a.name = any(${keys.map(({ name }) => name)}::text[])`
  const others = new Set(rows.map(({ name }) => name))
  return others.size === 0 ? keys : keys.filter(({ name }) => !others.has(name))
}

async function readAttempts(ctx: Ctx, names: string[]): Promise<KeyAttempt[]> {
  if (names.length === 0) return []
  return ctx.db.$queryRaw<KeyAttempt[]>`
    select a.id, a.name, a.state, a.key_hash as "keyHash", m.holder_kind as "holderKind", m.holder_id as "holderId",
      m.scope,
      coalesce(a.state = 'sent' and a.token = m.fencing_token and m.state = 'pending'
        and a.sent_at > now() - make_interval(secs => ${sentGraceSeconds}::int), false) as "inFlight"
    from keymint.mint_attempts a join keymint.mints m on m.id = a.mint_id where a.name = any(${names})`
}

type HeldRow = Omit<HeldKey, 'limit'> & { limitUsd: string | null }

async function readHeld(
  ctx: Ctx,
  wanted: { hashes: string[]; andLive: boolean },
): Promise<HeldKey[]> {
  const rows = await ctx.db.$queryRaw<HeldRow[]>`
    select k.key_id as "keyId", k.wants_guardrail as "wantsGuardrail", k.holder_kind as "holderKind",
      k.holder_id as "holderId", k.generation, k.scope, k.key_hash as hash, k.retired,
      coalesce(${liveKey(ctx.now())}, false) as live, k.wanted_disabled as "wantedDisabled",
        k.wanted_limit_usd::text as "limitUsd", k.limit_reset as "limitReset", k.expires_at as "expiresAt",
      coalesce(k.key_saved_at > now() - make_interval(secs => ${settlingSeconds}::int), false) as "savedLately",
        coalesce(k.ended_at > now() - make_interval(secs => ${settlingSeconds}::int), false) as "endedLately",
      k.guardrail_attached_at is not null as bound, k.bind_error as "bindError",
        k.upstream_missing_at as "missingSince", k.changing
    from keymint.held_keys k
    where k.account = ${deploymentAccount}::uuid and (k.key_hash = any(${wanted.hashes})
      or (${wanted.andLive} and k.live and k.expires_at > ${ctx.now()}))`
  return rows.map(({ limitUsd, limitReset, ...row }) => ({
    ...row,
    limit: limitUsd === null ? null : nanoFromDecimalString(limitUsd),
    limitReset,
  }))
}

/**
 * Absence from a list may be a page that shifted, or a key that could not be read: the provider is
 * asked again about each.
 */
async function askAboutAbsent(
  ctx: Ctx,
  upstream: UpstreamKey[],
  held: HeldKey[],
): Promise<{ gone: Set<string>; found: UpstreamKey[]; unverified: number }> {
  const listed = new Set(upstream.map((key) => key.hash))
  const absent = held.filter((key) => key.live && !key.savedLately && !listed.has(key.hash))
  // One that is marked has been asked about before, and a reading of it would have taken the mark
  // away.
  const gone = new Set(absent.filter((key) => key.missingSince).map((key) => key.hash))
  const asked = absent.filter((key) => !key.missingSince).slice(0, maxAsked)
  const found: UpstreamKey[] = []
  for (const { hash } of asked) {
    try {
      const key = await ctx.provider.findKey(hash)
      if (key) found.push(key)
      else gone.add(hash)
    } catch (error) {
      // It is there, but cannot be read: that it is neither gone nor found is all that can be said.
      if (!isProviderError(error) || error.details.reason !== 'unreadable-answer') throw error
    }
  }
  return { gone, found, unverified: absent.length - gone.size - found.length }
}
