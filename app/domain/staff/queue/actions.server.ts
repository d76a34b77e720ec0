/**
 * What staff do to a job. A job is a hint: what is retried or cancelled is the work behind it, and
 * the job follows in the same transaction.
 */
import type { Tx } from '~/adapters/db.server'
import type { JobName } from '~/adapters/job-catalog'
import { recordAudit, type AuditAction, type AuditActor } from '../../audit/audit.server'
import { startClaimAction, type ClaimActionRefusal } from '../../claim/claim-actions.server'
import type { Ctx } from '../../ctx'
import { markUnbound } from '../../keys/bind.server'
import { cancelMint } from '../../keys/cancel.server'
import { canCancel, jobKindOf, livingName } from './job-kinds'
import { jobRow, type RawRow } from './job-row'
import { jobsById } from './list.server'

/** What became of the action; the pages have a sentence for each code. */
export type JobActionOutcome =
  | {
      kind: 'done'
      code:
        | 'runs-now'
        | 'runs-again'
        | 'sent-again'
        | 'mint-retried'
        | 'bind-retried'
        | 'cancelled'
        | 'claim-refused'
        | 'sub-key-refused'
        | 'spare-refused'
        | 'left-unbound'
        | 'mint-ended'
        | 'back-in-queue'
        | 'letter-superseded'
    }
  | { kind: 'done'; code: 'runs-later'; seconds: number }
  | {
      kind: 'nothing'
      code:
        | 'gone'
        | 'running-now'
        | 'done-already'
        | 'no-claim'
        | 'started-meanwhile'
        | 'queued-already'
        | 'ended-already'
        | 'mint-ended'
        | 'letter-stays'
        | 'letter-obsolete'
    }
  | { kind: 'refused'; code: 'must-finish' | 'never-cancelled' | ClaimActionRefusal }

type Input = {
  jobId: string
  actorUserId: string
  /** Set when a bulk action does it: its own audit event tells of all its jobs. */
  bulkId?: string
}

const gone: JobActionOutcome = { kind: 'nothing', code: 'gone' }

/** Runs the job again, `afterSeconds` from now; one that waits is brought forward. */
export async function retryJob(
  ctx: Ctx,
  input: Input & { afterSeconds?: number },
): Promise<JobActionOutcome> {
  const [row] = await jobsById(ctx, [input.jobId])
  if (!row) return gone
  const { state, can } = jobRow(row)
  if (!can.retry)
    return { kind: 'nothing', code: state === 'running' ? 'running-now' : 'done-already' }
  if (state === 'waiting' || state === 'retrying') return bringForward(ctx, row, input)
  if (row.state === 'failed') {
    const retried = await ctx.db.$transaction(async (tx) => {
      await audit(tx, input, 'job.retried', row)
      return ctx.queue.retryFailed(tx, row.name, row.id)
    })
    return retried ? { kind: 'done', code: 'runs-again' } : gone
  }
  // Its job has ended: what can be retried is the claim, or the bind of its key.
  if (row.mintState === 'pending' && row.mintId) return sendAgain(ctx, row, row.mintId, input)
  if (!row.claimId || !row.workshopSlug) return { kind: 'nothing', code: 'no-claim' }
  const action = row.claimState === 'refused' ? 'retry' : 'bind'
  const started = await startClaimAction(ctx, {
    actorUserId: input.actorUserId,
    workshopSlug: row.workshopSlug,
    action: { kind: action },
    selection: { claimIds: [row.claimId] },
    reason: `job:${row.id}`,
  })
  if (started.kind === 'refused') return { kind: 'refused', code: started.reason }
  return { kind: 'done', code: action === 'retry' ? 'mint-retried' : 'bind-retried' }
}

async function bringForward(
  ctx: Ctx,
  row: RawRow,
  input: Input & { afterSeconds?: number },
): Promise<JobActionOutcome> {
  const seconds = input.afterSeconds ?? 0
  const moved = await ctx.db.$transaction(async (tx) => {
    if (row.mintId)
      await tx.$executeRaw`
        update keymint.mints set not_before = null where id = ${row.mintId}::uuid and state = 'pending'`
    const done = await ctx.queue.runAfter(tx, row.name, row.id, seconds)
    if (done) await audit(tx, input, 'job.retried', row)
    return done
  })
  if (!moved) return { kind: 'nothing', code: 'started-meanwhile' }
  return seconds > 0
    ? { kind: 'done', code: 'runs-later', seconds }
    : { kind: 'done', code: 'runs-now' }
}

/** The job of a team's key has a queue of its own. */
const mintJobOf = (row: RawRow) =>
  row.holderKind === 'sub-key' ? ('mint-service-key' as const) : ('mint-key' as const)

async function sendAgain(
  ctx: Ctx,
  row: RawRow,
  mintId: string,
  input: Input,
): Promise<JobActionOutcome> {
  const outcome = await ctx.db.$transaction(async (tx) => {
    const sent = await ctx.queue.enqueue(tx, mintJobOf(row), { mintId }, { singletonKey: mintId })
    if (sent === 'queued') await audit(tx, input, 'job.sent-again', row)
    return sent
  })
  return outcome === 'queued'
    ? { kind: 'done', code: 'sent-again' }
    : { kind: 'nothing', code: 'queued-already' }
}

/**
 * Takes the job out of the queue, and ends the work behind it: see CancelMeans. `reason` reaches
 * the person who waits.
 */
export async function cancelJob(
  ctx: Ctx,
  input: Input & { reason: string },
): Promise<JobActionOutcome> {
  const [row] = await jobsById(ctx, [input.jobId])
  if (!row) return gone
  const means = jobKindOf(row.name).cancel
  if (!canCancel(row.name))
    return { kind: 'refused', code: means === 'must-finish' ? 'must-finish' : 'never-cancelled' }
  if (!jobRow(row).can.cancel) return { kind: 'nothing', code: 'ended-already' }
  return ctx.db.$transaction(async (tx): Promise<JobActionOutcome> => {
    let cancelled = false
    const cancelIt = async () => {
      cancelled = await ctx.queue.cancel(tx, row.name, row.id)
      if (cancelled) await audit(tx, input, 'job.cancelled', row, { reason: input.reason })
    }
    if (means === 'refuse-mint' && row.mintId) {
      const refused = await cancelMint(ctx, tx, {
        mintId: row.mintId,
        actor: actorOf(input),
        reason: input.reason,
        afterMint: cancelIt,
      })
      if (refused)
        return {
          kind: 'done',
          code:
            row.holderKind === 'sub-key' || row.holderKind === 'spare'
              ? `${row.holderKind}-refused`
              : 'claim-refused',
        }
      return { kind: cancelled ? 'done' : 'nothing', code: 'mint-ended' }
    }
    if (means === 'leave-unbound' && row.mintId) await setBindAside(tx, row.mintId, input.reason)
    await cancelIt()
    if (!cancelled) return { kind: 'nothing', code: 'ended-already' }
    return { kind: 'done', code: means === 'leave-unbound' ? 'left-unbound' : 'cancelled' }
  })
}

/** The sweep would send the job again for a key that nobody has set aside. */
async function setBindAside(tx: Tx, mintId: string, reason: string): Promise<void> {
  const keys = await tx.$queryRaw<{ hash: string }[]>`
    select hash from keymint.keys where mint_id = ${mintId}::uuid and hash is not null and guardrail_at is null`
  await markUnbound(
    tx,
    keys.map((key) => key.hash),
    reason,
    { setAside: true },
  )
}

/** Takes a dead letter back to work. One whose mint has ended is obsolete and is removed. */
export async function redriveJob(ctx: Ctx, input: Input): Promise<JobActionOutcome> {
  const [row] = await jobsById(ctx, [input.jobId])
  if (!row || !jobRow(row).can.redrive) return gone
  return ctx.db.$transaction(async (tx): Promise<JobActionOutcome> => {
    const { mintId } = row
    if (mintId === null) {
      const moved = await ctx.queue.redrive(tx, row.name, row.id)
      if (moved) await audit(tx, input, 'job.redriven', row)
      return moved
        ? { kind: 'done', code: 'back-in-queue' }
        : { kind: 'nothing', code: 'letter-stays' }
    }
    const sent = isWanted(row)
      ? await ctx.queue.enqueue(
          tx,
          livingName(row.name) as JobName & ('mint-key' | 'mint-service-key' | 'bind-guardrail'),
          { mintId },
          { singletonKey: mintId },
        )
      : null
    await ctx.queue.cancel(tx, row.name, row.id)
    await audit(tx, input, 'job.redriven', row, { sent: sent ?? 'obsolete' })
    if (sent === null) return { kind: 'nothing', code: 'letter-obsolete' }
    return { kind: 'done', code: sent === 'queued' ? 'back-in-queue' : 'letter-superseded' }
  })
}

const isWanted = (row: RawRow) =>
  livingName(row.name) === 'bind-guardrail'
    ? row.claimState === 'ready' && row.bound === false
    : row.mintState === 'pending'

const actorOf = (input: Input): AuditActor => `user:${input.actorUserId}`

async function audit(
  tx: Tx,
  input: Input,
  action: AuditAction,
  row: RawRow,
  details: Record<string, string> = {},
): Promise<void> {
  if (input.bulkId) return
  await recordAudit(tx, {
    actor: actorOf(input),
    action,
    subject: `job:${row.id}`,
    ...(row.scope ? { scope: row.scope } : {}),
    details: { job: row.name, ...(row.mintId ? { mintId: row.mintId } : {}), ...details },
  })
}
