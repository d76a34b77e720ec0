/**
 * Minting: the work of making one key for an owner, on rows that survive any crash. Guarantee: of
 * all the keys this may create upstream, at most one is ever saved (attempt_one_saved), and every
 * other one is condemned and deleted. The database is authoritative; the provider's answer is
 * advisory.
 */
import type { ProviderErrorDetails } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { MintRefusal } from '../holder'
import type { JobError, JobOutcome } from '../job-outcome'
import { jobErrorOf } from '../error-text'
import { condemn, deleteCondemned } from './attempts.server'
import { coolDown, countDoubt, openGate, takeProbe } from './gate.server'
import { warmGuardrail } from './guardrail.server'
import { keyMaker } from './key-maker.server'
import {
  markAttemptRefused,
  searchLostKeys,
  tryOnce,
  type Attempt,
  type Tried,
} from './mint-attempt.server'
import { asDelayReason, decideMint, judgeFailure, type DelayReason } from './mint-policy'
import { saveUntilKnown } from './mint-save.server'
import { holderOf, readWork, type MintWork } from './mint-work.server'
import { openService } from './service.server'

/**
 * Tries in one run of the job; a longer series goes back to the queue, so that one mint does not
 * hold a slot.
 */
const triesPerRun = 3

/**
 * Runs the mint once: ends it, snoozes it, or gives it back to the queue. Safe to run twice and
 * beside itself. With `forwardServices` a mint that needs a team's service is sent on to a queue of
 * its own: a proxy that hangs must not hold the slots that a workshop's claims wait for.
 */
export async function runMint(
  ctx: Ctx,
  mintId: string,
  options: { forwardServices?: boolean } = {},
): Promise<JobOutcome> {
  let previousToken: string | null = null
  let failure: JobError | undefined
  for (let tries = 0; tries < triesPerRun; tries++) {
    const work = await readWork(ctx, mintId)
    const decision = decideMint(work, ctx.now(), ctx.settings.provisioningEnabled)
    if (!work || decision.kind === 'stop') return { kind: 'done' }
    if (work.account !== null && options.forwardServices) return forwardToServiceQueue(ctx, mintId)
    if (decision.kind === 'refuse') {
      await refuse(ctx, work, null, decision.refusal)
      return { kind: 'done', error: { reason: decision.refusal.reason } }
    }
    if (decision.kind === 'wait')
      return snooze(
        ctx,
        work,
        decision.reason,
        decision.seconds,
        causeOfWait(work, decision.reason),
      )
    if (decision.kind === 'probe' && !(await takeProbe(ctx.db, work.account))) {
      const reason = asDelayReason(work.gate.reason)
      return snooze(ctx, work, reason, 2, causeOfWait(work, reason))
    }

    // The first of the three calls. It never stops the mint: an unbound key is bound later.
    if (work.account === null && !work.hasGuardrail) await warmGuardrail(ctx, work.scope)

    const making = keyMaker(ctx, work)
    const maker = making instanceof Promise ? await making : making
    if ('refusal' in maker) {
      await refuse(ctx, work, null, maker.refusal)
      return { kind: 'done' }
    }

    // Only the call itself is limited: while some mints save and others are fetched, the provider
    // is kept busy.
    const probing = decision.kind === 'probe'
    const attempted = () => tryOnce(ctx, work, maker, { previousToken, probing })
    const tried = await (work.account === null ? ctx.limitMints(attempted) : attempted())
    // Taken over, ended, or the gate has closed while this one waited for its turn: the next look
    // says which.
    if (!tried) continue
    previousToken = tried.attempt.token
    const result = await settle(ctx, work, tried, probing)
    if (result !== 'again') return result
    failure = tried.failure && jobErrorOf(tried.failure)
  }
  return {
    kind: 'snooze',
    seconds: 1,
    reason: 'several tries without a clear answer',
    ...(failure ? { error: failure } : {}),
  }
}

async function settle(
  ctx: Ctx,
  work: MintWork,
  { attempt, created, failure }: Tried,
  probing: boolean,
): Promise<JobOutcome | 'again'> {
  if (failure) return settleFailure(ctx, work, attempt, failure, probing)
  const saved = await saveUntilKnown(ctx, work, attempt, created)
  ctx.metrics.countMint(saved)
  if (saved === 'lost' && (await condemn(ctx.db, attempt.id, created.hash)))
    await deleteLost(ctx, work, attempt, created.hash)
  if (work.gate.failures > 0 || probing) await openGate(ctx.db, { probing }, work.account)
  return { kind: 'done' }
}

/**
 * A team's service deletes by the credential that made the key; the service's own pass finds it
 * again if that fails.
 */
async function deleteLost(ctx: Ctx, work: MintWork, attempt: Attempt, hash: string): Promise<void> {
  if (work.account === null) return void (await deleteCondemned(ctx, attempt.id, hash))
  const { adapter, credential } = await openService(ctx, work.account)
  await deleteCondemned(ctx, attempt.id, hash, (id) => adapter.deleteKey(credential, id))
}

async function forwardToServiceQueue(ctx: Ctx, mintId: string): Promise<JobOutcome> {
  await ctx.db.$transaction((tx) =>
    ctx.queue.enqueue(tx, 'mint-sub-key', { mintId }, { singletonKey: mintId }),
  )
  return { kind: 'done' }
}

async function settleFailure(
  ctx: Ctx,
  work: MintWork,
  attempt: Attempt,
  details: ProviderErrorDetails,
  probing: boolean,
): Promise<JobOutcome | 'again'> {
  const judgement = judgeFailure(details)
  ctx.log.warn(
    { mintId: work.mintId, attemptId: attempt.id, failure: details, judgement: judgement.kind },
    'POST /keys did not answer with a key',
  )
  ctx.metrics.countMint(judgement.kind)
  switch (judgement.kind) {
    case 'unknown': {
      await ctx.db.$transaction(async (tx) => {
        await tx.$executeRaw`
          with attempt as (
            update keymint.mint_attempts
              set state = 'unknown', outcome = ${details.reason}, http_status = ${details.status ?? null}::int,
              settled_at = now()
            where id = ${attempt.id}::uuid and state = 'sent' returning mint_id)
          update keymint.mints m set attempts = attempts + 1 from attempt where m.id = attempt.mint_id`
        await searchLostKeys(ctx, tx, work.account)
        await countDoubt(tx, work.account, jobErrorOf(details))
      })
      return 'again'
    }
    case 'snoozed': {
      const seconds = await ctx.db.$transaction(async (tx) => {
        await markAttemptRefused(tx, attempt, details)
        return coolDown(
          tx,
          judgement.reason,
          details.retryAfterSeconds,
          work.account,
          jobErrorOf(details),
        )
      })
      return snooze(ctx, work, judgement.reason, seconds, jobErrorOf(details))
    }
    case 'refused':
      await refuse(ctx, work, { attempt, details }, judgement.refusal)
      // No to this request, but an answer: others need not wait for a probe that has come back.
      if (probing) await openGate(ctx.db, { probing }, work.account)
      return { kind: 'done', error: jobErrorOf(details) }
  }
}

/**
 * Snoozes the mint without counting it. The wait is spread a little, so that a whole workshop does
 * not come back in one instant.
 */
async function snooze(
  ctx: Ctx,
  work: MintWork,
  reason: DelayReason,
  seconds: number,
  error: JobError | undefined,
): Promise<JobOutcome> {
  const spread =
    seconds + (Number.parseInt(work.mintId.slice(0, 2), 16) / 255) * Math.min(2, seconds)
  await ctx.db.$executeRaw`
    update keymint.mints set delay_reason = ${reason},
      not_before = greatest(not_before, now() + make_interval(secs => ${seconds}::double precision))
    where id = ${work.mintId}::uuid and state = 'pending'`
  return { kind: 'snooze', seconds: Math.ceil(spread), reason, ...(error ? { error } : {}) }
}

/**
 * What waits behind a closed gate waits because of the error that closed it. A person's pause or
 * switch is no error.
 */
function causeOfWait(work: MintWork, reason: DelayReason): JobError | undefined {
  if (reason === 'paused' || reason === 'switched-off') return undefined
  return work.gate.cause ?? { reason }
}

async function refuse(
  ctx: Ctx,
  work: MintWork,
  failed: { attempt: Attempt; details: ProviderErrorDetails } | null,
  refusal: MintRefusal,
): Promise<void> {
  const owner = holderOf(ctx, work)
  await ctx.db.$transaction(async (tx) => {
    await owner.lock(tx, work)
    const changed = await tx.$executeRaw`
        update keymint.mints set state = 'refused', done_at = now() where id = ${work.mintId}::uuid
          and state = 'pending'`
    if (failed) await markAttemptRefused(tx, failed.attempt, failed.details)
    if (changed !== 1) return
    await recordAudit(tx, {
      actor: 'worker',
      action: `${work.ownerKind}.refused`,
      subject: `${work.ownerKind}:${work.ownerId}`,
      scope: work.scope,
      details: { reason: refusal.reason },
    })
    await owner.refuse(tx, work, refusal)
  })
}
