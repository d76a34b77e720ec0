/**
 * Minting: the work of making one key for a holder, on rows that survive any crash. The database is
 * authoritative; the provider's answer is advisory. A claim that was accepted is never refused
 * because of an outage: outcomes in doubt are tried again, with growing pauses, for as long as the
 * key would be of use.
 */
import type { Tx } from '~/adapters/db.server'
import { isProviderError, type ProviderErrorDetails } from '~/adapters/provider-error'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { Holder, MintRefusal, HolderKind } from '../holder'
import type { JobError, JobOutcome } from '../job-outcome'
import { jobErrorOf } from '../error-text'
import {
  countDoubt,
  deploymentAccount,
  openAccount,
  openGate,
  ownAccount,
  placeOf,
  takeProbe,
  type OpenAccount,
} from './accounts.server'
import { condemn, deleteCondemned } from './attempts.server'
import type { Turn } from '../call-pace'
import { warmGuardrail } from './guardrail.server'
import {
  auditDropped,
  countMismatch,
  createKey,
  markAttempt,
  mismatchOf,
  saveUntilKnown,
  takeOver,
  type Attempt,
  type CreatedKey,
} from './mint-attempt.server'
import { causeOfWait, endOf, markRefused, noteDelay, snooze, waitOut } from './mint-delay.server'
import { asDelayReason, decideMint, doubtPauseSeconds, judgeFailure } from './mint-policy'
import { turnOf } from './turns.server'
import { engineNow } from './key-store.server'
import { book } from './want.server'
import { readWork, type MintWork } from './mint-work.server'

/** Tries in one run of the job; a longer series goes back to the queue, so that one mint does not hold a slot. */
const triesPerRun = 3
/** A run that has waited for so long goes back to the queue with its next refusal. */
const maxRunMs = 10_000
/** How long a late create may still land upstream before a look at the list is worth its call. */
const lostKeySearchSeconds = 15

/** Runs the mint once: ends it, snoozes it, or parks it. Safe to run twice and beside itself. */
export async function runMint(ctx: Ctx, mintId: string): Promise<JobOutcome> {
  let previousToken: string | null = null
  let failure: JobError | undefined
  const startedAt = performance.now()
  for (let tries = 0; tries < triesPerRun; tries++) {
    const work = await readWork(ctx, mintId)
    const decision = decideMint(work, await engineNow(ctx.db), {
      provisioningEnabled: ctx.settings.provisioningEnabled,
      mintConcurrency: ctx.mintConcurrency,
    })
    if (!work || decision.kind === 'stop') return { kind: 'done' }
    if (decision.kind === 'refuse') {
      await refuse(ctx, work, null, decision.refusal)
      return { kind: 'done', error: { reason: decision.refusal.reason } }
    }
    // Nothing runs behind a pause: whoever ends it sends all jobs again.
    if (decision.kind === 'park') {
      await noteDelay(ctx, work, decision.reason, 0)
      return { kind: 'done' }
    }
    if (decision.kind === 'wait') {
      if (decision.until === 'list')
        await ctx.db.$transaction((tx) => searchSoon(ctx, tx, work.account))
      return snooze(
        ctx,
        work,
        decision.reason,
        decision.seconds,
        causeOfWait(work, decision.reason),
      )
    }
    const probing = decision.kind === 'probe'
    if (probing && !(await takeProbe(ctx.db, work.account))) {
      const reason = asDelayReason(work.gate.reason)
      return snooze(ctx, work, reason, 2, causeOfWait(work, reason))
    }
    // The first of the three calls. It never stops the mint: an unbound key is assigned later.
    if (work.wantsGuardrail && !work.hasGuardrail) await warmGuardrail(ctx, work.scope)

    const account =
      work.account === deploymentAccount ? ownAccount(ctx) : await openAccount(ctx, work.account)
    if (!account || account.state === 'disabled') {
      await refuse(ctx, work, null, {
        reason: 'rejected-by-provider',
        detail: 'The team has disabled this credential.',
      })
      return { kind: 'done' }
    }
    // Only the call itself takes a turn: while some mints save and others are fetched, the provider
    // is kept busy.
    const turn = await ctx.callPace.take(work.account, { first: previousToken !== null })
    const tried: Tried | null = await tryOnce(ctx, work, account, {
      previousToken,
      probing,
      turn,
    }).catch(async (error: unknown) => {
      await turn.end('neutral')
      throw error
    })
    // Taken over, ended, or the gate has closed while this one waited for its turn: the next look
    // says which.
    if (!tried) {
      turn.unused()
      continue
    }
    previousToken = tried.attempt.token
    const seen = turn.end(endOf(tried.failure))
    if (!tried.failure) {
      const result = await settleCreated(ctx, work, account, tried, probing)
      if (result !== 'again') return result
      continue
    }
    const result = await settleFailure(ctx, work, tried.attempt, tried.failure, {
      probing,
      allRefused: (await seen) === 'close',
      mayWaitHere: performance.now() - startedAt < maxRunMs,
    })
    if (result !== 'again') return result
    failure = jobErrorOf(tried.failure)
    // A wait that was asked for is no try without a clear answer.
    if (tried.failure.kind === 'retryable') tries--
  }
  return {
    kind: 'snooze',
    seconds: 1,
    reason: 'several tries without a clear answer',
    ...(failure ? { error: failure } : {}),
  }
}

type Tried =
  | { attempt: Attempt; created: CreatedKey; failure?: undefined }
  | { attempt: Attempt; created?: undefined; failure: ProviderErrorDetails }

/** Writes the attempt and makes its one call. Null when the mint may not be tried now. */
async function tryOnce(
  ctx: Ctx,
  work: MintWork,
  account: OpenAccount,
  { turn, ...by }: { previousToken: string | null; probing: boolean; turn: Turn },
): Promise<Tried | null> {
  const attempt = await takeOver(ctx, work, by)
  if (!attempt) return null
  if (attempt.stale) await ctx.db.$transaction((tx) => searchLostKeys(ctx, tx, work.account))
  try {
    turn.sent()
    const created = await createKey(account, work, attempt.name)
    return { attempt, created: await complete(account, created) }
  } catch (error) {
    if (!isProviderError(error)) throw error
    return { attempt, failure: error.details }
  }
}

/** A cap that the answer does not name is asked for once; what is not to be had is accepted as unknown. */
async function complete(account: OpenAccount, created: CreatedKey): Promise<CreatedKey> {
  if (created.made.cap !== undefined && created.made.expiresAt !== undefined) return created
  if (account.service !== 'openrouter') return created
  const seen = await account.adapter.findKey(account.credential, created.hash).catch(() => null)
  if (!seen) return created
  return {
    ...created,
    made: {
      cap: seen.cap,
      reset: seen.reset,
      expiresAt: seen.expiresAt,
      disabled: seen.disabled,
      ...created.made,
    },
  }
}

async function settleCreated(
  ctx: Ctx,
  work: MintWork,
  account: OpenAccount,
  { attempt, created }: Extract<Tried, { created: CreatedKey }>,
  probing: boolean,
): Promise<JobOutcome | 'again'> {
  const mismatch = mismatchOf(work, created.made)
  if (mismatch !== null) {
    await drop(ctx, work, account, attempt, created.hash, `made-otherwise: ${mismatch}`)
    await countMismatch(ctx, work.account, mismatch)
    await ctx.db.$executeRaw`
      update keymint.mints set attempts = attempts + 1 where id = ${work.mintId}::uuid`
    return snooze(ctx, work, 'upstream-trouble', 5, { reason: 'made-otherwise' })
  }
  const result = await saveUntilKnown(ctx, work, account, attempt, created)
  ctx.metrics.countMint(result === 'saved' ? 'saved' : 'lost')
  if (result === 'refused') {
    // Our own database does not take it, whenever it is asked: no slot waits for that.
    await drop(ctx, work, account, attempt, created.hash, 'not-saved')
    await ctx.db.$executeRaw`
      update keymint.mints set attempts = attempts + 1 where id = ${work.mintId}::uuid`
    const seconds = Math.min(300, 5 * 2 ** Math.min(work.attempts, 6))
    return snooze(ctx, work, 'upstream-trouble', seconds, { reason: 'unexpected' })
  }
  if (result === 'twice') {
    // Another row holds this key: it is not ours to delete.
    await condemn(ctx.db, attempt.id, null)
    await ctx.db.$transaction((tx) => auditDropped(tx, work, 'made-twice'))
    await refuse(ctx, work, null, {
      reason: 'rejected-by-provider',
      detail: 'The provider gave the same key twice.',
    })
  } else if (result === 'lost') await drop(ctx, work, account, attempt, created.hash, null)
  if (work.gate.failures > 0 || probing) await openGate(ctx.db, work.account, { probing })
  return { kind: 'done' }
}

/** Condemned, then deleted where it was made; the account's own pass finds it again if that fails. */
async function drop(
  ctx: Ctx,
  work: MintWork,
  account: OpenAccount,
  attempt: Attempt,
  hash: string,
  why: string | null,
): Promise<void> {
  if (!(await condemn(ctx.db, attempt.id, hash))) return
  if (why !== null) await ctx.db.$transaction((tx) => auditDropped(tx, work, why))
  await deleteCondemned(ctx, attempt.id, hash, placeOf(account))
}

async function searchLostKeys(
  ctx: Ctx,
  tx: Tx,
  account: string,
  startAfterSeconds = lostKeySearchSeconds,
): Promise<'queued' | 'already-queued'> {
  return ctx.queue.enqueue(
    tx,
    'read-account',
    { account },
    { singletonKey: account, group: await turnOf(tx, account), startAfterSeconds },
  )
}

/** Everybody waits for the list: one that is due later comes now, unless the last one is fresh. */
async function searchSoon(ctx: Ctx, tx: Tx, account: string): Promise<void> {
  if ((await searchLostKeys(ctx, tx, account, 1)) === 'queued') return
  const [row] = await tx.$queryRaw<{ fresh: boolean }[]>`
    select coalesce(listed_at > keymint.now() - interval '3 s', false) as fresh
    from keymint.accounts where id = ${account}::uuid`
  if (!row?.fresh) await ctx.queue.bringForward(tx, 'read-account', account)
}

async function settleFailure(
  ctx: Ctx,
  work: MintWork,
  attempt: Attempt,
  details: ProviderErrorDetails,
  turn: { probing: boolean; allRefused: boolean; mayWaitHere: boolean },
): Promise<JobOutcome | 'again'> {
  const judgement = judgeFailure(details)
  ctx.log.warn(
    { mintId: work.mintId, attemptId: attempt.id, failure: details, judgement: judgement.kind },
    'the request for a key was not answered with one',
  )
  ctx.metrics.countMint(judgement.kind)
  switch (judgement.kind) {
    case 'unknown': {
      await ctx.db.$transaction(async (tx) => {
        if (
          await markAttempt(tx, attempt, {
            state: 'unknown',
            reason: details.reason,
            status: details.status,
          })
        )
          await tx.$executeRaw`
            update keymint.mints set attempts = attempts + 1 where id = ${work.mintId}::uuid`
        await searchLostKeys(ctx, tx, work.account)
        await countDoubt(tx, work.account, jobErrorOf(details))
      })
      const seconds = doubtPauseSeconds(work.attempts + 1)
      return seconds === 0
        ? 'again'
        : snooze(ctx, work, 'upstream-trouble', seconds, jobErrorOf(details))
    }
    case 'snoozed':
      return waitOut(ctx, work, { attempt, details, reason: judgement.reason }, turn)
    case 'refused':
      await refuse(ctx, work, { attempt, details }, judgement.refusal)
      // No to this request, but an answer: others need not wait for a probe that has come back.
      if (turn.probing) await openGate(ctx.db, work.account, { probing: true })
      return { kind: 'done', error: jobErrorOf(details) }
  }
}

async function refuse(
  ctx: Ctx,
  work: MintWork,
  failed: { attempt: Attempt; details: ProviderErrorDetails } | null,
  refusal: MintRefusal,
): Promise<void> {
  const holder = holderOf(ctx, work)
  await ctx.db.$transaction(async (tx) => {
    await holder.lock(ctx, tx, work)
    await tx.$executeRaw`
      update keymint.keys set off_ended_at = coalesce(off_ended_at, keymint.now())
      where id = ${work.keyId}::uuid and saved_at is null
        and exists (select 1 from keymint.mints m where m.id = ${work.mintId}::uuid and m.state = 'pending')`
    const changed = await tx.$executeRaw`
      update keymint.mints set state = 'refused', done_at = now() where id = ${work.mintId}::uuid
        and state = 'pending'`
    if (failed) await markRefused(tx, failed.attempt, failed.details)
    if (changed !== 1) return
    await recordAudit(tx, {
      actor: 'worker',
      action: `${work.holderKind}.refused`,
      subject: `${work.holderKind}:${work.holderId}`,
      scope: work.scope,
      details: { reason: refusal.reason },
    })
    await holder.refuse(tx, work, refusal)
    await book(ctx, tx, work, { actor: 'worker', why: 'the provider made no key' })
  })
}

function holderOf(ctx: Ctx, work: { holderKind: HolderKind }): Holder {
  const holder = ctx.holders[work.holderKind]
  if (!holder) throw new Error(`there is no holder of the kind ${work.holderKind}`)
  return holder
}
