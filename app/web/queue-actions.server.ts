/** What the forms of the queue's pages do: one field "do", and the jobs it is about. */
import { badRequest } from './handler.server'
import { z } from 'zod'
import type { QueueActionAnswer } from '~/components/staff/queue/answer'
import { actRefusals } from '~/components/staff/act-messages'
import { cancelMessage, jobActionMessage } from '~/components/staff/queue/job-action-messages'
import { jobLabel } from '~/messages/jobs'
import { abortBulk } from '~/domain/bulk/bulk.server'
import type { Ctx } from '~/domain/ctx'
import { deploymentAccount, openParkedAccount } from '~/domain/keys/accounts.server'
import { pauseMinting, resumeMinting } from '~/domain/keys/pause.server'
import {
  cancelJob,
  redriveJob,
  retryJob,
  type JobActionOutcome,
} from '~/domain/staff/queue/actions.server'
import { actOnJobs, type JobAction, type JobSelection } from '~/domain/staff/queue/bulk-jobs.server'
import { changedSearch, readQueueQuery } from '~/domain/staff/queue/filter'
import { jobKindOf } from '~/domain/staff/queue/job-kinds'
import { jobsById, matchingJobIds, maxMatches } from '~/domain/staff/queue/list.server'
import { parseForm, many, uuid } from './parse-form.server'
import { cut } from '~/text'

const verbs = [
  'retry-chosen',
  'redrive-chosen',
  'retry-all',
  'redrive-all',
  'ask-cancel-chosen',
  'ask-cancel-all',
  'cancel',
  'pause',
  'resume',
  'open-account',
  'abort',
] as const
const jobVerbs = ['retry', 'redrive', 'ask-cancel'] as const

/** "retry-all", or a verb and the job it is about: "retry:<id>". */
const doField = z.string().transform((value, check) => {
  const [verb = '', jobId] = value.split(':')
  const plain = verbs.find((one) => one === verb)
  const about = jobVerbs.find((one) => one === verb)
  if (plain && jobId === undefined) return { verb: plain }
  if (about && uuid.safeParse(jobId).success) return { verb: about, jobId: jobId ?? '' }
  check.addIssue({ code: 'custom', message: 'unknown action' })
  return z.NEVER
})

const queueForm = z.object({
  do: doField,
  job: many(uuid),
  bulk: z.union([uuid, z.literal('')]),
  all: z.string().transform((value) => value === 'yes'),
  until: z.string(),
  reason: z
    .string()
    .trim()
    .transform((reason) => cut(reason, 300)),
})

type FormInput = { ctx: Ctx; actorUserId: string; url: URL; form: z.output<typeof queueForm> }
const minReason = 3

/**
 * Does what the form in the request says. Throws a redirect where a bulk action has begun, and a 400
 * for a form that no page of ours sends.
 */
export async function answerQueueForm(
  ctx: Ctx,
  actorUserId: string,
  request: Request,
): Promise<QueueActionAnswer> {
  const form = await parseForm(queueForm, request)
  if (!form.ok) throw badRequest()
  return answer({ ctx, actorUserId, url: new URL(request.url), form: form.value })
}

async function answer(given: FormInput): Promise<QueueActionAnswer> {
  const { ctx, actorUserId, form } = given
  const { reason } = form
  const action = form.do
  if (action.jobId !== undefined) {
    const { verb, jobId } = action
    if (verb === 'retry') return answerOf(await retryJob(ctx, { jobId, actorUserId }))
    if (verb === 'redrive') return answerOf(await redriveJob(ctx, { jobId, actorUserId }))
    return ask(ctx, { jobIds: [jobId], all: false, until: ctx.now().toISOString() }, null)
  }
  switch (action.verb) {
    case 'retry-chosen':
      return startBulk(given, 'retry-job', chosen(form), null)
    case 'redrive-chosen':
      return startBulk(given, 'redrive-job', chosen(form), null)
    case 'retry-all':
      return startBulk(given, 'retry-job', { filter: filterOf(given) }, null)
    case 'redrive-all':
      return startBulk(given, 'redrive-job', { filter: filterOf(given) }, null)
    case 'ask-cancel-chosen':
      return ask(ctx, { ...chosen(form), all: false, until: ctx.now().toISOString() }, null)
    case 'ask-cancel-all': {
      const until = ctx.now().toISOString()
      const filter = { ...filterOf(given), until: filterOf(given).until ?? until }
      return ask(
        ctx,
        { jobIds: await matchingJobIds(ctx, filter, maxMatches), all: true, until },
        null,
      )
    }
    case 'cancel':
      return cancel(given)
    case 'pause':
      if (reason.length < minReason) return { kind: 'reason-missing' }
      return minting(
        'plain',
        (await pauseMinting(ctx, { actorUserId, reason })) === 'paused'
          ? 'Key creation is paused. Everybody who waits sees your reason.'
          : 'Key creation was paused already. Everybody who waits now sees your reason.',
      )
    case 'resume':
      return minting('ok', resumedMessage(await resumeMinting(ctx, { actorUserId })))
    case 'open-account':
      if (reason.length < minReason) return { kind: 'reason-missing' }
      return minting(
        'ok',
        (await openParkedAccount(ctx, {
          account: deploymentAccount,
          actor: `user:${actorUserId}`,
          reason,
        }))
          ? 'The provider account is open. What waits continues within seconds.'
          : 'The provider account was not parked.',
      )
    case 'abort': {
      if (form.bulk === '') throw badRequest()
      const stopped = await abortBulk(ctx, { bulkId: form.bulk, actor: `user:${actorUserId}` })
      return jobs(
        stopped
          ? 'The action is stopped. Items that have begun are finished; the rest is skipped.'
          : 'The action had finished already.',
      )
    }
  }
}

const minting = (tone: 'ok' | 'plain', message: string): QueueActionAnswer => ({
  kind: 'said',
  about: 'minting',
  tone,
  message,
})
const jobs = (message: string): QueueActionAnswer => ({
  kind: 'said',
  about: 'jobs',
  tone: 'plain',
  message,
})

function resumedMessage(forward: number | null): string {
  if (forward === null) return 'Key creation was not paused.'
  if (forward === 0) return 'Key creation is resumed. Nobody was waiting.'
  return (
    `Key creation is resumed. ${forward} waiting ` +
    `${forward === 1 ? 'claim continues' : 'claims continue'} within seconds.`
  )
}

/** A cancel ends the work behind a job, so it needs a confirmation and a reason. */
async function cancel(given: FormInput): Promise<QueueActionAnswer> {
  const { ctx, actorUserId, form } = given
  const { all, reason } = form
  const { jobIds } = chosen(form)
  const filter = {
    ...filterOf(given),
    until: Number.isNaN(Date.parse(form.until))
      ? ctx.now().toISOString()
      : new Date(form.until).toISOString(),
  }
  if (reason.length < minReason) {
    const ids = all ? await matchingJobIds(ctx, filter, maxMatches) : jobIds
    return ask(
      ctx,
      { jobIds: ids, all, until: filter.until },
      'Enter a reason. The people who wait see it.',
    )
  }
  const [only] = jobIds
  if (!all && only !== undefined && jobIds.length === 1)
    return answerOf(await cancelJob(ctx, { jobId: only, actorUserId, reason }))
  return startBulk(given, 'cancel-job', all ? { filter } : { jobIds }, reason)
}

async function ask(
  ctx: Ctx,
  { jobIds, all, until }: { jobIds: string[]; all: boolean; until: string },
  problem: string | null,
): Promise<QueueActionAnswer> {
  if (jobIds.length === 0) return jobs('No job is selected, so there is nothing to cancel.')
  const meanings = new Set(
    (await jobsById(ctx, jobIds)).map(
      ({ name, holderKind }) =>
        `${jobLabel(name)}: ${cancelMessage(jobKindOf(name).cancel, holderKind)}`,
    ),
  )
  return {
    kind: 'ask',
    jobIds: all ? [] : jobIds,
    all,
    until,
    count: jobIds.length,
    meanings: [...meanings],
    problem,
  }
}

async function startBulk(
  { ctx, actorUserId, url }: FormInput,
  action: JobAction,
  selection: JobSelection,
  reason: string | null,
): Promise<QueueActionAnswer> {
  const started = await actOnJobs(ctx, { action, selection, reason, actorUserId })
  if (started.kind === 'refused')
    return jobs(
      started.reason === 'nothing-matches'
        ? 'No job is selected, or none matches any more.'
        : actRefusals[started.reason],
    )
  throw new Response(null, {
    status: 303,
    headers: {
      Location: `${url.pathname}${changedSearch(url.searchParams, { bulk: started.bulkId })}`,
    },
  })
}

const tones = { done: 'ok', nothing: 'plain', refused: 'warning' } as const

const answerOf = (outcome: JobActionOutcome): QueueActionAnswer => ({
  kind: 'said',
  about: 'jobs',
  tone: tones[outcome.kind],
  message: jobActionMessage(outcome),
})

const filterOf = ({ ctx, url }: FormInput) => {
  const { after: _page, ...filter } = readQueueQuery(url.searchParams, ctx.now()).filter
  return filter
}

const chosen = (form: FormInput['form']) => ({ jobIds: form.job.slice(0, maxMatches) })
