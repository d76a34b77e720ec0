/** What the forms of the queue's pages ask for: one field "do", and the jobs it is about. */
import type { QueueActionAnswer } from '~/components/staff/queue/answer-types'
import { abortBulk } from '~/domain/bulk/bulk.server'
import type { Ctx } from '~/domain/ctx'
import { pauseMinting, resumeMinting } from '~/domain/keys/pause.server'
import { cancelJob, redriveJob, retryJob } from '~/domain/staff/queue/actions.server'
import { actOnJobs, type JobAction, type JobSelection } from '~/domain/staff/queue/bulk-jobs.server'
import { changedSearch, readQueueQuery } from '~/domain/staff/queue/filter'
import { cancelMessage, jobKindOf } from '~/domain/staff/queue/job-kinds'
import { jobsById, matchingJobIds, maxMatches } from '~/domain/staff/queue/list.server'

type Given = { ctx: Ctx; actorUserId: string; url: URL; form: FormData }
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const badRequest = () => new Response('bad-request', { status: 400 })

/**
 * Does what the form asks. Throws 400 for what no form of ours sends, and a redirect where a bulk
 * action has begun.
 */
export async function answerQueueForm({
  ctx,
  actorUserId,
  url,
  form,
}: Given): Promise<QueueActionAnswer> {
  const asked = textOf(form, 'do')
  const [verb = '', jobId] = asked.split(':')
  const reason = textOf(form, 'reason').trim().slice(0, 300)
  if (jobId !== undefined) {
    if (!uuid.test(jobId)) throw badRequest()
    if (verb === 'retry') return said(await retryJob(ctx, { jobId, actorUserId }))
    if (verb === 'redrive') return said(await redriveJob(ctx, { jobId, actorUserId }))
    if (verb === 'ask-cancel') return ask(ctx, [jobId], false, ctx.now().toISOString(), null)
    throw badRequest()
  }
  const given = { ctx, actorUserId, url, form }
  switch (verb) {
    case 'retry-chosen':
      return startBulk(given, 'retry-job', chosen(form), null)
    case 'redrive-chosen':
      return startBulk(given, 'redrive-job', chosen(form), null)
    case 'retry-all':
      return startBulk(given, 'retry-job', { filter: filterOf(given) }, null)
    case 'redrive-all':
      return startBulk(given, 'redrive-job', { filter: filterOf(given) }, null)
    case 'ask-cancel-chosen':
      return ask(ctx, chosen(form).jobIds, false, ctx.now().toISOString(), null)
    case 'ask-cancel-all': {
      const until = ctx.now().toISOString()
      return ask(
        ctx,
        await matchingJobIds(
          ctx,
          { ...filterOf(given), until: filterOf(given).until ?? until },
          maxMatches,
        ),
        true,
        until,
        null,
      )
    }
    case 'cancel':
      return cancel(given, reason)
    case 'pause':
      if (reason.length < 3) return { kind: 'reason-missing' }
      return (await pauseMinting(ctx, { actorUserId, reason })) === 'paused'
        ? {
            kind: 'said',
            about: 'minting',
            tone: 'plain',
            words: 'Minting is paused. Everybody who waits reads your reason.',
          }
        : {
            kind: 'said',
            about: 'minting',
            tone: 'plain',
            words: 'It was paused already; your reason stands there now.',
          }
    case 'resume': {
      const forward = await resumeMinting(ctx, { actorUserId })
      return {
        kind: 'said',
        about: 'minting',
        tone: 'mint',
        words:
          forward === null
            ? 'Minting was not paused.'
            : `Minting goes on. ${forward === 0 ? 'Nobody had to wait.' : `${forward} waiting ${forward === 1 ? 'mint starts' : 'mints start'} within seconds.`}`,
      }
    }
    case 'abort': {
      const bulkId = textOf(form, 'bulk')
      if (!uuid.test(bulkId)) throw badRequest()
      return {
        kind: 'said',
        about: 'jobs',
        tone: 'plain',
        words: (await abortBulk(ctx, { bulkId, actor: `user:${actorUserId}` }))
          ? 'It is stopped: what had begun is finished, the rest is left alone.'
          : 'It was over already.',
      }
    }
    default:
      throw badRequest()
  }
}

/** A cancel ends the work behind a job, so it is asked for twice and wants a reason. */
async function cancel(given: Given, reason: string): Promise<QueueActionAnswer> {
  const { ctx, actorUserId, form } = given
  const all = textOf(form, 'all') === 'yes'
  const until = textOf(form, 'until')
  const { jobIds } = chosen(form)
  const filter = {
    ...filterOf(given),
    until: Number.isNaN(Date.parse(until))
      ? ctx.now().toISOString()
      : new Date(until).toISOString(),
  }
  if (reason.length < 3)
    return ask(
      ctx,
      all ? await matchingJobIds(ctx, filter, maxMatches) : jobIds,
      all,
      filter.until,
      'Please say why: the people who wait will read it.',
    )
  const [only] = jobIds
  if (!all && only !== undefined && jobIds.length === 1)
    return said(await cancelJob(ctx, { jobId: only, actorUserId, reason }))
  return startBulk(given, 'cancel-job', all ? { filter } : { jobIds }, reason)
}

async function ask(
  ctx: Ctx,
  jobIds: string[],
  all: boolean,
  until: string,
  problem: string | null,
): Promise<QueueActionAnswer> {
  if (jobIds.length === 0)
    return {
      kind: 'said',
      about: 'jobs',
      tone: 'plain',
      words: 'No job is chosen, so there is nothing to cancel.',
    }
  const names = new Set((await jobsById(ctx, jobIds)).map((row) => row.name))
  return {
    kind: 'ask',
    jobIds: all ? [] : jobIds,
    all,
    until,
    count: jobIds.length,
    meanings: [...names].map(
      (name) => `${jobKindOf(name).words}: ${cancelMessage[jobKindOf(name).cancel]}`,
    ),
    problem,
  }
}

async function startBulk(
  { ctx, actorUserId, url }: Given,
  action: JobAction,
  selection: JobSelection,
  reason: string | null,
): Promise<QueueActionAnswer> {
  const started = await actOnJobs(ctx, { action, selection, reason, actorUserId })
  if (started.kind === 'refused')
    return {
      kind: 'said',
      about: 'jobs',
      tone: 'plain',
      words: started.count === 0 ? 'No job is chosen, or none matches any more.' : started.detail,
    }
  throw new Response(null, {
    status: 303,
    headers: {
      Location: `${url.pathname}${changedSearch(url.searchParams, { bulk: started.bulkId })}`,
    },
  })
}

const said = (outcome: {
  kind: 'done' | 'nothing' | 'refused'
  words: string
}): QueueActionAnswer => ({
  kind: 'said',
  about: 'jobs',
  tone: outcome.kind === 'done' ? 'mint' : outcome.kind === 'nothing' ? 'plain' : 'amber',
  words: outcome.words,
})

const filterOf = ({ ctx, url }: Given) => {
  const { after: _page, ...filter } = readQueueQuery(url.searchParams, ctx.now()).filter
  return filter
}

const chosen = (form: FormData) => ({
  jobIds: form
    .getAll('job')
    .filter((one): one is string => typeof one === 'string' && uuid.test(one))
    .slice(0, maxMatches),
})

function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}
