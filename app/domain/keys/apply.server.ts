/**
 * The loop: applies the row of one key at the provider. Guarantee: at most one call of a
 * key is out, under a lease written before it; the answer is recorded as what it confirms at the
 * revision that was sent; a call without an answer is a doubt, and while it is young nothing that
 * it could undo is released. Run twice, or after a crash anywhere, it asks for the same again.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { isProviderError, type ProviderError } from '~/adapters/provider-error'
import type { ServiceKey } from '~/adapters/service-adapter'
import { decimalStringFromNano } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { JobOutcome } from '../job-outcome'
import { jobErrorOf } from '../error-text'
import { openAccount, readAccountState, type OpenAccount } from './accounts.server'
import {
  applyBackoffSeconds,
  decideApply,
  doubtSeconds,
  type ApplyDecision,
  type KeyChange,
} from './decide-apply'
import { isOver, isWantedOff, type Key } from './key-row'
import { ensureGuardrail } from './guardrail.server'
import { engineNow, readKey } from './key-store.server'
import { book, sendDueRead } from './want.server'
import { withCapHeldHere } from './cap-held-here'
import { wakeSuccessor, deleteKey } from './delete-key.server'
import { lockHolder } from './lock-holder.server'
import { applyModels } from './model-lists.server'

/** More steps than any row asks for; a row that asks for more is a bug, and comes back by the sweep. */
const maxSteps = 8

/** Carries out what is wanted of the key. `ignoreBackoff`: a person pressed the button. */
export async function applyKey(
  ctx: Ctx,
  keyId: string,
  options: { ignoreBackoff?: boolean } = {},
): Promise<JobOutcome> {
  let modelsTried = false
  let models: JobOutcome | null = null
  for (let steps = 0; steps < maxSteps; steps++) {
    const key = await readKey(ctx.db, keyId)
    if (!key || key.installation !== ctx.installationId) return { kind: 'done' }
    const account = await readAccountState(ctx.db, key.account)
    if (account.parked) return { kind: 'done' }
    const now = await engineNow(ctx.db)
    const decision = decideApply(
      key,
      now,
      account.paused || account.closed,
      steps === 0 ? options : {},
    )
    // What disables or lowers goes first, what raises or enables last.
    if (isBeforeModels(decision) && !modelsTried) {
      modelsTried = true
      models = await applyModels(ctx, key, options)
    }
    switch (decision.kind) {
      case 'nothing':
        await confirmAsSeen(ctx, key)
        return models ?? { kind: 'done' }
      case 'wait':
        // What is held back by a pause or a gate is woken when that opens; the sweep is behind it.
        if (decision.reason === 'held') return models ?? { kind: 'done' }
        return { kind: 'snooze', seconds: decision.seconds, reason: decision.reason }
      case 'close':
        await close(ctx, key)
        break
      case 'change':
      case 'delete': {
        const opened = await openAccount(ctx, key.account)
        if (!opened)
          return { kind: 'snooze', seconds: 60, reason: 'the account of this key is gone' }
        const outcome = await call(ctx, opened, key, decision)
        if (outcome) return outcome
      }
    }
  }
  return { kind: 'retry', reason: 'the row still asks for more' }
}

const isBeforeModels = (decision: ApplyDecision): boolean =>
  decision.kind === 'nothing' ||
  (decision.kind === 'change' && decision.raises) ||
  (decision.kind === 'wait' && decision.reason === 'held')

/**
 * A live key that is already as it is wanted needs no call: what is seen is the answer. A closed one waits
 * for no answer of a call that has died.
 */
async function confirmAsSeen(ctx: Ctx, key: Key): Promise<void> {
  if (key.closedAt !== null && key.call !== null)
    await ctx.db.$executeRaw`
      update keymint.keys set call_sent_at = null, call_token = null, call_revision = null, call_limit_usd = null,
        call_on = null
      where id = ${key.id}::uuid and closed_at is not null and call_sent_at <= keymint.now() - interval '15 s'`
  if (key.savedAt === null || key.revision === key.seen.revision) return
  await ctx.db.$executeRaw`
    update keymint.keys set seen_revision = revision, apply_error = null, apply_failed_at = null
    where id = ${key.id}::uuid and revision = ${key.revision}::int and call_sent_at is null
      and closed_at is null and missing_at is null and off_ended_at is null and off_replaced_at is null`
}

type Call = Extract<ApplyDecision, { kind: 'change' | 'delete' }>

async function call(
  ctx: Ctx,
  account: OpenAccount,
  key: Key,
  decision: Call,
): Promise<JobOutcome | null> {
  const change: KeyChange = decision.kind === 'change' ? decision.change : {}
  const token = await lease(
    ctx,
    key,
    change,
    decision.kind === 'change' && decision.partial === true,
  )
  // Another run is at it, or the row has moved: look again.
  if (token === null) return null
  try {
    // The guardrail's budget must not bite before the key's own cap (decision 011).
    if (decision.kind === 'change' && decision.raises && key.guardrailAt !== null)
      await ensureGuardrail(ctx, key.scope)
    if (decision.kind === 'delete') {
      await deleteKey(ctx, account, key, token)
    } else {
      const seen = await account.adapter.changeKey(account.credential, key.hash ?? '', change)
      await recordSeen(ctx, key, token, seen, change)
    }
    return null
  } catch (error) {
    if (!isProviderError(error)) throw error
    return recordFailure(ctx, account, key, token, decision, error)
  }
}

/** Writes the call before it is made. Null when one is out already, or the row asks for something else now. */
async function lease(
  ctx: Ctx,
  key: Key,
  change: KeyChange,
  partial: boolean,
): Promise<string | null> {
  const token = randomUUID()
  const changed = await ctx.db.$executeRaw`
    update keymint.keys set call_sent_at = keymint.now(), call_token = ${token}::uuid,
      call_revision = revision - ${partial ? 1 : 0}::int,
      call_limit_usd = ${change.limit === undefined ? null : decimalStringFromNano(change.limit)}::numeric,
      call_on = ${change.disabled === false},
      doubt_until = case when call_sent_at is null or not (coalesce(call_on, false) or call_limit_usd is not null)
        then doubt_until else greatest(doubt_until, call_sent_at + make_interval(secs => ${doubtSeconds}::int)) end,
      doubt_limit_usd = case when call_sent_at is null then doubt_limit_usd
        else greatest(doubt_limit_usd, call_limit_usd) end,
      doubt_on = doubt_on or (call_sent_at is not null and coalesce(call_on, false))
    where id = ${key.id}::uuid and revision = ${key.revision}::int and deleted_at is null
      and (call_sent_at is null or call_sent_at <= keymint.now() - interval '15 s')`
  return changed === 1 ? token : null
}

/**
 * The answer: what it confirms, at the revision that was sent. It ends a doubt that was over when the
 * call was sent; what was in doubt then may have landed after it.
 */
async function recordSeen(
  ctx: Ctx,
  key: Key,
  token: string,
  answer: ServiceKey,
  change: KeyChange,
): Promise<void> {
  const seen = withCapHeldHere(ctx, key, answer, change)
  await ctx.db.$transaction(async (tx) => {
    await lockHolder(ctx, tx, key)
    const taken = await tx.$executeRaw`
      update keymint.keys set seen_limit_usd = ${seen.cap === null ? null : decimalStringFromNano(seen.cap)}::numeric,
        seen_reset = ${seen.reset}, seen_byok = coalesce(${seen.includeByok ?? null}, seen_byok),
        seen_off = ${seen.disabled}, seen_at = keymint.now(),
        seen_revision = greatest(seen_revision, call_revision), missing_at = null,
        used_usd = greatest(used_usd, used_base_usd + ${decimalStringFromNano(seen.usage ?? 0n)}::numeric),
        call_sent_at = null, call_token = null, call_revision = null, call_limit_usd = null, call_on = null,
        apply_at = null, apply_tries = 0, apply_error = null, apply_failed_at = null,
        doubt_until = case when doubt_until > call_sent_at then doubt_until end,
        doubt_limit_usd = case when doubt_until > call_sent_at then doubt_limit_usd end,
        doubt_on = doubt_on and doubt_until > call_sent_at
      where id = ${key.id}::uuid and call_token = ${token}::uuid`
    if (taken !== 1) return
    if (change.disabled !== undefined)
      await recordAudit(tx, {
        actor: 'worker',
        action: change.disabled ? 'key.disabled' : 'key.enabled',
        subject: `${key.holderKind}:${key.holderId}`,
        scope: key.scope,
        details: { keyHash: key.hash, generation: key.generation },
      })
    await book(ctx, tx, key, { actor: 'worker', why: 'confirmed by the provider' })
  })
}

/**
 * Off or gone, and nothing can undo it: the key is closed. Its successor may be made now, and the money of
 * windows that have not begun goes back. A call that has died cannot undo it either, and goes with it: nobody
 * asks for the answer of a closed key any more.
 */
async function close(ctx: Ctx, key: Key): Promise<void> {
  await ctx.db.$transaction(async (tx) => {
    await lockHolder(ctx, tx, key)
    const closed = await tx.$executeRaw`
      update keymint.keys set closed_at = least(keymint.now(), case when missing_at is not null then keymint.now()
          else coalesce(seen_at, keymint.now()) end), own_reads = 0,
        next_read_at = keymint.now() + interval '30 s', seen_revision = revision,
        apply_error = null, apply_failed_at = null,
        call_sent_at = null, call_token = null, call_revision = null, call_limit_usd = null, call_on = null
      where id = ${key.id}::uuid and closed_at is null and deleted_at is null
        and (call_sent_at is null or call_sent_at <= keymint.now() - interval '15 s')
        and (missing_at is not null
          or ((off_ended_at is not null or off_replaced_at is not null) and seen_off))`
    if (closed !== 1) return
    if (!isOver(key))
      await recordAudit(tx, {
        actor: 'worker',
        action: 'key.missing',
        subject: `${key.holderKind}:${key.holderId}`,
        scope: key.scope,
        details: { keyHash: key.hash, generation: key.generation },
      })
    await wakeSuccessor(ctx, tx, key)
    await sendDueRead(ctx, tx, key.account)
    await book(ctx, tx, key, { actor: 'worker', why: 'the key is closed' })
  })
}

/**
 * A refusal that is certain takes a raise back and tries what lowers again, five minutes apart at
 * most, with staff told. No answer leaves a doubt behind.
 */
async function recordFailure(
  ctx: Ctx,
  account: OpenAccount,
  key: Key,
  token: string,
  decision: Call,
  error: ProviderError,
): Promise<JobOutcome | null> {
  const { details } = error
  const urgent = isWantedOff(key)
  const tries = key.applyTries + 1
  const seconds = Math.max(
    applyBackoffSeconds(tries, urgent),
    urgent ? 0 : Math.min(details.retryAfterSeconds ?? 0, 300),
  )
  const raises = decision.kind === 'change' && decision.raises
  const gone = details.reason === 'not-found' && account.confirmed
  ctx.log.warn(
    { keyId: key.id, decision: decision.kind, failure: details },
    'the provider did not carry out a change of a key',
  )
  await ctx.db.$transaction(async (tx) => {
    await lockHolder(ctx, tx, key)
    const doubtful = details.kind === 'ambiguous'
    const taken = await tx.$executeRaw`
      update keymint.keys set
        doubt_until = case when ${doubtful} and (call_on or call_limit_usd is not null)
          then greatest(doubt_until, call_sent_at + make_interval(secs => ${doubtSeconds}::int)) else doubt_until end,
        doubt_limit_usd = case when ${doubtful} then greatest(doubt_limit_usd, call_limit_usd) else doubt_limit_usd end,
        doubt_on = doubt_on or (${doubtful} and coalesce(call_on, false)),
        missing_at = case when ${gone} then coalesce(missing_at, keymint.now()) else missing_at end,
        call_sent_at = null, call_token = null, call_revision = null, call_limit_usd = null, call_on = null,
        apply_tries = ${tries}::int, apply_error = ${JSON.stringify(jobErrorOf(details))}::jsonb,
        apply_failed_at = coalesce(apply_failed_at, keymint.now()),
        apply_at = keymint.now() + make_interval(secs => ${seconds}::int)
      where id = ${key.id}::uuid and call_token = ${token}::uuid`
    if (taken !== 1) return
    if (raises && details.kind === 'rejected' && (await isAsWished(tx, key)))
      await takeBack(ctx, tx, key)
    await book(ctx, tx, key, { actor: 'worker', why: 'the provider refused' })
  })
  if (gone) return null
  return { kind: 'snooze', seconds, reason: details.reason, error: jobErrorOf(details) }
}

/**
 * A raise that is refused for certain: the holder's cap comes down to what is seen beside what former
 * keys hold, and its money goes back. A key that could not be enabled stays disabled, by staff.
 */
async function takeBack(ctx: Ctx, tx: Tx, key: Key): Promise<void> {
  const port = ctx.holders[key.holderKind]
  const terms = await port?.terms(tx, key)
  if (port && terms && key.seen.limit !== null && key.seen.limit < key.limit)
    await port.lowerCap(tx, key, decimalStringFromNano(terms.cap - (key.limit - key.seen.limit)))
  await tx.$executeRaw`
    update keymint.keys set revision = revision + 1, seen_revision = revision + 1,
      limit_usd = least(limit_usd, greatest(coalesce(seen_limit_usd, limit_usd), 0.000001)),
      off_staff_at = case when seen_off and ${!isWantedOff(key)} then coalesce(off_staff_at, keymint.now())
        else off_staff_at end
    where id = ${key.id}::uuid`
  await recordAudit(tx, {
    actor: 'worker',
    action: 'key.raise-refused',
    subject: `${key.holderKind}:${key.holderId}`,
    scope: key.scope,
    details: { keyHash: key.hash, generation: key.generation },
  })
}

/** Nobody has asked for anything else since: what was wished meanwhile is not taken back with it. */
async function isAsWished(tx: Tx, key: Key): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ revision: number }[]>`
    select revision from keymint.keys where id = ${key.id}::uuid`
  return row?.revision === key.revision
}
