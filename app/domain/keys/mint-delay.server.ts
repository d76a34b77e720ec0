/** Waiting mints: what is written while one waits, and how a refusal that passes is waited out. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tx } from '~/adapters/db.server'
import type { ProviderErrorDetails } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import type { JobError, JobOutcome } from '../job-outcome'
import { jobErrorOf } from '../error-text'
import { coolDown } from './accounts.server'
import type { CallEnd } from '../call-pace'
import { markAttempt, type Attempt } from './mint-attempt.server'
import { closesAtOnce, cooldownSeconds, type DelayReason } from './mint-policy'
import type { MintWork } from './mint-work.server'

/** Snoozes the mint without counting it. The wait is spread a little, so that not all come back in one instant. */
export async function snooze(
  ctx: Ctx,
  work: MintWork,
  reason: DelayReason,
  seconds: number,
  error: JobError | undefined,
): Promise<JobOutcome> {
  const spread =
    seconds + (Number.parseInt(work.mintId.slice(0, 2), 16) / 255) * Math.min(2, seconds)
  await noteDelay(ctx, work, reason, seconds)
  return { kind: 'snooze', seconds: Math.ceil(spread), reason, ...(error ? { error } : {}) }
}

export async function noteDelay(ctx: Ctx, work: MintWork, reason: DelayReason, seconds: number) {
  await ctx.db.$executeRaw`
    update keymint.mints set delay_reason = ${reason},
      not_before = case when ${seconds}::double precision = 0 then not_before
        else greatest(not_before, now() + make_interval(secs => ${seconds}::double precision)) end
    where id = ${work.mintId}::uuid and state = 'pending'`
}

/**
 * What waits behind a closed gate waits because of the error that closed it. A person's pause or switch
 * is no error.
 */
export function causeOfWait(work: MintWork, reason: DelayReason): JobError | undefined {
  if (reason === 'paused' || reason === 'switched-off' || reason === 'former-key') return undefined
  return work.gate.cause ?? { reason }
}

/** What a call tells about how many may be out at once. A lost answer tells nothing of it. */
export function endOf(failure: ProviderErrorDetails | undefined): CallEnd {
  if (!failure) return 'accepted'
  if (failure.reason === 'rate-limited') return 'refused'
  if (failure.kind === 'retryable' && failure.reason === 'unreachable') return 'refused'
  return failure.kind === 'ambiguous' && (failure.status ?? 0) >= 500 ? 'failed' : 'neutral'
}

/** A wait this short stays in the process: through the queue it would take seconds longer. */
const maxWaitHereSeconds = 5
/** An account that refuses everything closes for so long; what its probe hears then counts. */
const maxUnprobedSeconds = 2

/**
 * A refusal that passes. The call waits alone, for as long as the provider asks; the account closes
 * for the refusals that concern everybody (401, 402, 403), when all calls of late were refused, and
 * when its probe was.
 */
export async function waitOut(
  ctx: Ctx,
  work: MintWork,
  failed: { attempt: Attempt; details: ProviderErrorDetails; reason: DelayReason },
  turn: { probing: boolean; allRefused: boolean; mayWaitHere: boolean },
): Promise<JobOutcome | 'again'> {
  const { attempt, details, reason } = failed
  const error = jobErrorOf(details)
  const byItself = turn.probing || closesAtOnce(reason)
  const seconds = await ctx.db.$transaction(async (tx) => {
    await markRefused(tx, attempt, details)
    const asked = details.retryAfterSeconds
    if (byItself) return coolDown(tx, work.account, reason, asked, error)
    const alone = cooldownSeconds(reason, await refusalsOf(tx, work), asked)
    if (turn.allRefused)
      await coolDown(tx, work.account, reason, Math.min(alone, maxUnprobedSeconds), error)
    return alone
  })
  const goesToQueue = byItself || turn.allRefused || !turn.mayWaitHere
  if (goesToQueue || seconds > maxWaitHereSeconds) return snooze(ctx, work, reason, seconds, error)
  await noteDelay(ctx, work, reason, seconds)
  await sleep(seconds * 1_000 + clockSlackMs)
  return 'again'
}

/** The database's clock decides whether the wait is over. */
const clockSlackMs = 30

/** How often the provider has refused this mint lately: without Retry-After each wait is longer. */
async function refusalsOf(tx: Tx, work: MintWork): Promise<number> {
  const [row] = await tx.$queryRaw<{ count: number }[]>`
    select count(*)::int as count from keymint.mint_attempts
    where mint_id = ${work.mintId}::uuid and state = 'refused' and settled_at > now() - interval '5 min'`
  return Math.max(0, (row?.count ?? 1) - 1)
}

export const markRefused = (tx: Tx, attempt: Attempt, details: ProviderErrorDetails) =>
  markAttempt(tx, attempt, { state: 'refused', reason: details.reason, status: details.status })
