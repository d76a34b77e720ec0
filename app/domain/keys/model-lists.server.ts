/**
 * The list of models of a member's key, brought to the provider: by the guardrail of that list, or by
 * a change of the key, as its service declares. Guarantee: at most one call about a key's list is out,
 * under a lease written before it; what the provider says it made is compared with what was asked
 * before any key counts as limited by it; a failure takes no key away from anybody, is tried again
 * and is shown. A guardrail of our name that is not ours is never changed (decision 020), and one list
 * is one guardrail, so none is changed for another list (decision 071).
 */
import { randomUUID } from 'node:crypto'
import { Prisma } from '~/adapters/db.server'
import { isNotFound, isProviderError, ProviderError } from '~/adapters/provider-error'
import type { ServiceGuardrails, ServiceKey } from '~/adapters/service-adapter'
import type { Ctx } from '../ctx'
import { jobErrorOf } from '../error-text'
import type { JobOutcome } from '../job-outcome'
import { openAccount, type OpenAccount } from './accounts.server'
import type { Key } from './key-row'
import { lockHolder } from './lock-holder.server'
import { allows, ensureModelGuardrail } from './model-guardrail.server'

/** A call that is out longer than this has no answer: it is several requests, ten seconds each at most. */
const leaseSeconds = 90
/** A list that changed while a call was out is brought at once, so often in one run. */
const maxRounds = 3
/** A key assigned this lately may not be on the provider's list yet. */
const settlingSeconds = 30

/** Live keys whose list the provider has not confirmed; `k` is a row of `keys`. */
export const waitsForModels = Prisma.sql`k.models_open and k.saved_at is not null and k.deleted_at is null
  and k.missing_at is null and k.off_ended_at is null and k.off_replaced_at is null
  and k.expires_at > keymint.now()`

type Leased = { token: string; models: string[]; tries: number }

/** Null when there was nothing to bring, or all of it is confirmed; else when to come back. */
export async function applyModels(
  ctx: Ctx,
  key: Key,
  options: { ignoreBackoff?: boolean } = {},
): Promise<JobOutcome | null> {
  for (let rounds = 0; rounds < maxRounds; rounds++) {
    const leased = await lease(ctx, key.id, options)
    if ('wait' in leased)
      return leased.wait === null
        ? null
        : { kind: 'snooze', seconds: leased.wait, reason: 'the models of this key wait' }
    const outcome = await bring(ctx, key, leased)
    if (outcome) return outcome
  }
  return { kind: 'retry', reason: 'the models of this key changed again' }
}

/** Writes the call before it is made. */
async function lease(
  ctx: Ctx,
  keyId: string,
  { ignoreBackoff = false }: { ignoreBackoff?: boolean },
): Promise<Leased | { wait: number | null }> {
  const token = randomUUID()
  const [taken] = await ctx.db.$queryRaw<{ models: string[]; tries: number }[]>`
    update keymint.keys k set models_token = ${token}::uuid, models_sent_at = keymint.now()
    where k.id = ${keyId}::uuid and ${waitsForModels}
      and (${ignoreBackoff} or coalesce(k.models_due_at <= keymint.now(), true))
      and coalesce(k.models_sent_at <= keymint.now() - make_interval(secs => ${leaseSeconds}::int), true)
    returning k.models, k.models_tries as tries`
  if (taken) return { token, ...taken }
  const [row] = await ctx.db.$queryRaw<{ seconds: number | null }[]>`
    select greatest(1, ceil(extract(epoch from greatest(k.models_due_at,
      k.models_sent_at + make_interval(secs => ${leaseSeconds}::int)) - keymint.now())))::int as seconds
    from keymint.keys k where k.id = ${keyId}::uuid and ${waitsForModels}`
  return { wait: row ? (row.seconds ?? 1) : null }
}

async function bring(ctx: Ctx, key: Key, leased: Leased): Promise<JobOutcome | null> {
  try {
    const account = await openAccount(ctx, key.account)
    if (!account) return { kind: 'snooze', seconds: 60, reason: 'the account of this key is gone' }
    const guardrailId = await callFor(ctx, account, key.hash ?? '', leased.models)
    await recordModels(ctx, key, leased, guardrailId)
    return null
  } catch (error) {
    if (!isProviderError(error)) throw error
    return recordFailure(ctx, key, leased, error)
  }
}

/** The guardrail that limits the key now; null where none does. */
async function callFor(
  ctx: Ctx,
  account: OpenAccount,
  hash: string,
  models: string[],
): Promise<string | null> {
  const { adapter, credential } = account
  const guardrails = adapter.guardrails?.(credential)
  if (!guardrails) {
    await adapter.changeKey(credential, hash, { models })
    return null
  }
  if (models.length === 0) {
    await unassign(ctx, account.id, guardrails, hash)
    return null
  }
  const id = await ensureModelGuardrail(ctx, account.id, guardrails, models)
  try {
    if ((await guardrails.assignKeys(id, [hash])) === 1) return id
  } catch (error) {
    // Deleted there meanwhile: the next try makes a new one. A key that is gone counts as nothing.
    if (isNotFound(error)) await forget(ctx, account.id, id)
    throw error
  }
  throw new ProviderError({
    call: 'POST /guardrails/{id}/assignments/keys',
    kind: 'rejected',
    reason: 'refused',
    providerMessage: 'It assigned fewer keys than requested.',
  })
}

/** From every guardrail of ours: a call whose answer was lost may have put it under another one. */
async function unassign(
  ctx: Ctx,
  accountId: string,
  guardrails: ServiceGuardrails,
  hash: string,
): Promise<void> {
  const rows = await ctx.db.modelGuardrail.findMany({ where: { account: accountId } })
  for (const { guardrailId } of rows) {
    try {
      await guardrails.unassignKeys(guardrailId, [hash])
    } catch (error) {
      if (!isNotFound(error)) throw error
      await forget(ctx, accountId, guardrailId)
    }
  }
}

const forget = (ctx: Ctx, account: string, guardrailId: string) =>
  ctx.db.modelGuardrail.deleteMany({ where: { account, guardrailId } })

/** The answer. A list that has changed since stays open, whatever this call did. */
async function recordModels(
  ctx: Ctx,
  key: Key,
  leased: Leased,
  guardrailId: string | null,
): Promise<void> {
  const details = {
    models: leased.models.join(', ') || 'every model',
    ...(guardrailId === null ? {} : { guardrailId }),
    generation: key.generation,
  }
  await ctx.db.$transaction(async (tx) => {
    await lockHolder(ctx, tx, key)
    await tx.$executeRaw`
      with done as (
        update keymint.keys set models_open = models <> ${leased.models}::text[], models_at = keymint.now(),
          models_guardrail_id = ${guardrailId}, models_token = null, models_sent_at = null, models_tries = 0,
          models_error = null, models_due_at = null
        where id = ${key.id}::uuid and models_token = ${leased.token}::uuid
        returning holder_kind, holder_id, scope, models_open)
      insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
      select 'worker', 'key.models-set', holder_kind || ':' || holder_id, scope,
        ${JSON.stringify(details)}::jsonb from done where not models_open`
  })
}

async function recordFailure(
  ctx: Ctx,
  key: Key,
  leased: Leased,
  { details }: ProviderError,
): Promise<JobOutcome> {
  const error = jobErrorOf(details)
  const seconds = Math.max(
    Math.min(300, 5 * 2 ** Math.min(leased.tries, 6)),
    Math.min(details.retryAfterSeconds ?? 0, 300),
  )
  ctx.log.warn({ keyId: key.id, failure: details }, 'a key could not be limited to its models')
  await ctx.db.$executeRaw`
    update keymint.keys set models_token = null, models_sent_at = null, models_tries = models_tries + 1,
      models_error = ${JSON.stringify(error)}::jsonb,
      models_due_at = keymint.now() + make_interval(secs => ${seconds}::int)
    where id = ${key.id}::uuid and models_token = ${leased.token}::uuid`
  return { kind: 'snooze', seconds, reason: details.reason, error }
}

/** Whether any live key of the account is limited by a guardrail of ours. */
export async function hasModelLists(ctx: Ctx, account: string): Promise<boolean> {
  const [row] = await ctx.db.$queryRaw<{ found: boolean }[]>`
    select exists (select 1 from keymint.model_guardrails where account = ${account}::uuid) as found`
  return row?.found ?? false
}

/**
 * What the provider has of our lists: a guardrail that was changed or deleted there is put right by
 * the next key that needs it, and keys that are not under theirs are assigned again, as a job each.
 * Returns how many keys.
 */
export async function lookAtModelLists(ctx: Ctx, account: OpenAccount): Promise<number> {
  const guardrails = account.adapter.guardrails?.(account.credential)
  if (!guardrails) return 0
  const rows = await ctx.db.modelGuardrail.findMany({ where: { account: account.id } })
  const upstream = new Map((await guardrails.listGuardrails()).map((one) => [one.id, one]))
  let lost = 0
  for (const { guardrailId, models, list } of rows) {
    const shown = upstream.get(guardrailId)
    const assigned = shown ? await guardrails.listAssignedHashes(guardrailId) : new Set<string>()
    const isRight = shown !== undefined && (await allows(ctx, account.id, shown, models))
    if (!shown) await forget(ctx, account.id, guardrailId)
    else if (!isRight)
      await ctx.db.modelGuardrail.updateMany({
        where: { account: account.id, list },
        data: { fingerprint: '' },
      })
    // Under this one and not listed, or listed and not meant to be: a call that landed late.
    lost += await ctx.db.$executeRaw`
      update keymint.keys k set models_open = true, models_due_at = null
      where k.account = ${account.id}::uuid and k.installation = ${ctx.installationId} and not k.models_open
        and k.saved_at is not null and k.deleted_at is null and k.off_ended_at is null
        and k.off_replaced_at is null and k.expires_at > keymint.now()
        and coalesce(k.models_at < keymint.now() - make_interval(secs => ${settlingSeconds}::int), true)
        and ((k.models_guardrail_id = ${guardrailId}
            and (not ${isRight} or not k.hash = any(${[...assigned]}::text[])))
          or (k.models_guardrail_id is distinct from ${guardrailId}
            and k.hash = any(${[...assigned]}::text[])))`
  }
  if (lost > 0) ctx.log.warn({ account: account.id, lost }, 'keys are not under their guardrail')
  return lost
}

/** Keys that carry their list, and show another one than they were limited to. */
export async function noteOtherModels(
  ctx: Ctx,
  account: string,
  shown: readonly ServiceKey[],
  askedAt: Date,
): Promise<void> {
  const lists = shown.filter(({ models }) => models !== undefined)
  if (lists.length === 0) return
  await ctx.db.$executeRaw`
    update keymint.keys k set models_open = true, models_due_at = null
    from unnest(${lists.map(({ id }) => id)}::text[],
      ${lists.map(({ models }) => JSON.stringify(models))}::jsonb[]) as s(hash, models)
    where k.account = ${account}::uuid and k.hash = s.hash and k.installation = ${ctx.installationId}
      and cardinality(k.models) > 0 and not k.models_open and k.models_at < ${askedAt}::timestamptz
      and k.deleted_at is null and k.off_ended_at is null and k.off_replaced_at is null
      and k.models <> keymint.models_in_force(array(select jsonb_array_elements_text(s.models)), '{}')`
}
