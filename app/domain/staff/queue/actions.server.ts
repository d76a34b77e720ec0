/**
 * What staff do to a job. A job is a nudge: what is retried or cancelled is the work behind it, in
 * the words of the domain, and the job follows in the same transaction.
 */
import type { Tx } from '~/adapters/db.server'
import type { JobName } from '~/adapters/job-catalog'
import { recordAudit, type AuditActor } from '../../audit/audit.server'
import { startClaimAction } from '../../claim/claim-actions.server'
import type { Ctx } from '../../ctx'
import { markUnbound } from '../../keys/bind.server'
import { cancelMint } from '../../keys/cancel.server'
import { jobKindOf } from './job-kinds'
import { jobRow, jobsById, type RawRow } from './list.server'

/** `words` is a sentence for the person who pressed the button. */
export type JobActionOutcome = { kind: 'done' | 'nothing' | 'refused'; words: string }

type Input = {
  jobId: string
  actorUserId: string
  /** Set when a bulk action does it: its own audit event tells of all its jobs. */ bulkId?: string
}

const gone: JobActionOutcome = { kind: 'nothing', words: 'There is no such job any more.' }

/** Runs the job again, `afterSeconds` from now; one that waits is brought forward. */
export async function retryJob(
  ctx: Ctx,
  input: Input & { afterSeconds?: number },
): Promise<JobActionOutcome> {
  const [row] = await jobsById(ctx, [input.jobId])
  if (!row) return gone
  const { state, can } = jobRow(row)
  if (!can.retry)
    return {
      kind: 'nothing',
      words:
        state === 'running'
          ? 'It is running now.'
          : 'It has done its work, so there is nothing to retry.',
    }
  if (state === 'waiting' || state === 'retrying') return bringForward(ctx, row, input)
  if (row.state === 'failed') {
    const retried = await ctx.db.$transaction(async (tx) => {
      await audit(tx, input, 'job.retried', row)
      return ctx.queue.retryFailed(tx, row.name, row.id)
    })
    return retried ? { kind: 'done', words: 'It runs again now.' } : gone
  }
  // Its job has ended: what can be tried again is the claim, or the bind of its key.
  if (row.mintState === 'pending' && row.mintId) return sendAgain(ctx, row, row.mintId, input)
  if (!row.claimId || !row.workshopSlug)
    return { kind: 'nothing', words: 'There is no claim behind this job any more.' }
  const action = row.claimState === 'refused' ? 'retry' : 'bind'
  const started = await startClaimAction(ctx, {
    actorUserId: input.actorUserId,
    workshopSlug: row.workshopSlug,
    action: { kind: action },
    selection: { claimIds: [row.claimId] },
    reason: `Asked for at the job ${row.id}.`,
  })
  if (started.kind === 'refused') return { kind: 'refused', words: started.detail }
  return {
    kind: 'done',
    words:
      action === 'retry'
        ? 'The key is being made again, if the pool still has room for it.'
        : 'Attaching the limits is tried again.',
  }
}

async function bringForward(
  ctx: Ctx,
  row: RawRow,
  input: Input & { afterSeconds?: number },
): Promise<JobActionOutcome> {
  const moved = await ctx.db.$transaction(async (tx) => {
    if (row.mintId && row.name === 'mint-key')
      await tx.$executeRaw`
        update keymint.mints set not_before = null where id = ${row.mintId}::uuid and state = 'pending'`
    const done = await ctx.queue.runAfter(tx, row.name, row.id, input.afterSeconds ?? 0)
    if (done) await audit(tx, input, 'job.retried', row)
    return done
  })
  return moved
    ? {
        kind: 'done',
        words: input.afterSeconds ? `It runs in ${input.afterSeconds} s.` : 'It runs now.',
      }
    : { kind: 'nothing', words: 'It has started by itself meanwhile.' }
}

async function sendAgain(
  ctx: Ctx,
  row: RawRow,
  mintId: string,
  input: Input,
): Promise<JobActionOutcome> {
  const outcome = await ctx.db.$transaction(async (tx) => {
    const sent = await ctx.queue.enqueue(tx, 'mint-key', { mintId }, { singletonKey: mintId })
    if (sent === 'queued') await audit(tx, input, 'job.sent-again', row)
    return sent
  })
  return outcome === 'queued'
    ? { kind: 'done', words: 'A new job is sent for it.' }
    : { kind: 'nothing', words: 'Another job for it waits already.' }
}

/**
 * Takes the job out of the queue, and ends the work behind it: see cancelWords. `reason` reaches
 * the person who waits.
 */
export async function cancelJob(
  ctx: Ctx,
  input: Input & { reason: string },
): Promise<JobActionOutcome> {
  const [row] = await jobsById(ctx, [input.jobId])
  if (!row) return gone
  const means = jobKindOf(row.name).cancel
  if (means === 'never')
    return { kind: 'refused', words: 'This job keeps the rest alive and cannot be cancelled.' }
  if (!jobRow(row).can.cancel) return { kind: 'nothing', words: 'It has ended already.' }
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
          words:
            'It is cancelled: the claim is refused with your reason, and its money and seat went back.',
        }
      return {
        kind: cancelled ? 'done' : 'nothing',
        words: 'The mint had ended already; its claim stays as it is.',
      }
    }
    if (means === 'leave-unbound' && row.mintId) await setBindAside(tx, row.mintId, input.reason)
    await cancelIt()
    return cancelled
      ? {
          kind: 'done',
          words:
            means === 'leave-unbound'
              ? 'It is cancelled: the key stays unbound until somebody asks for it.'
              : 'It is cancelled.',
        }
      : { kind: 'nothing', words: 'It has ended already.' }
  })
}

/** The sweep would send the job again for a key that nobody has set aside. */
async function setBindAside(tx: Tx, mintId: string, reason: string): Promise<void> {
  const keys = await tx.$queryRaw<{ hash: string }[]>`
    select hash from keymint.keys where mint_id = ${mintId}::uuid and hash is not null and guardrail_at is null`
  await markUnbound(
    tx,
    keys.map((key) => key.hash),
    `Set aside by staff: ${reason}`,
    { setAside: true },
  )
}

/**
 * Takes a dead letter back to work. One whose mint has ended has nothing to do any more and is put
 * away.
 */
export async function redriveJob(ctx: Ctx, input: Input): Promise<JobActionOutcome> {
  const [row] = await jobsById(ctx, [input.jobId])
  if (!row || !jobRow(row).can.redrive) return gone
  const home = row.name.replace(/-dead$/, '')
  return ctx.db.$transaction(async (tx): Promise<JobActionOutcome> => {
    const { mintId } = row
    if (mintId === null) {
      const moved = await ctx.queue.redrive(tx, row.name, row.id)
      if (moved) await audit(tx, input, 'job.redriven', row)
      return moved
        ? { kind: 'done', words: 'It is back in its queue.' }
        : {
            kind: 'nothing',
            words:
              'It cannot go back: a job like it is there already, or where it came from is not known.',
          }
    }
    const wanted =
      home === 'bind-guardrail'
        ? row.claimState === 'ready' && row.bound === false
        : row.mintState === 'pending'
    const sent = wanted
      ? await ctx.queue.enqueue(
          tx,
          home as JobName & ('mint-key' | 'bind-guardrail'),
          { mintId },
          { singletonKey: mintId },
        )
      : null
    await ctx.queue.cancel(tx, row.name, row.id)
    await audit(tx, input, 'job.redriven', row, { sent: sent ?? 'nothing left to do' })
    if (sent === null)
      return { kind: 'nothing', words: 'The work behind it has ended, so the letter is put away.' }
    return {
      kind: 'done',
      words:
        sent === 'queued'
          ? 'It is back in its queue.'
          : 'A job for it waits already, so the letter is put away.',
    }
  })
}

const actorOf = (input: Input): AuditActor => `user:${input.actorUserId}`

async function audit(
  tx: Tx,
  input: Input,
  action: string,
  row: RawRow,
  details: Record<string, string> = {},
): Promise<void> {
  if (input.bulkId) return
  await recordAudit(tx, {
    actor: actorOf(input),
    action,
    subject: `job:${row.id}`,
    ...(row.scope ? { workshopSlug: row.scope } : {}),
    details: { job: row.name, ...(row.mintId ? { mintId: row.mintId } : {}), ...details },
  })
}
