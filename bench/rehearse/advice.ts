/** What a played day shows about its workshop's file, each with what to change before the day. */
import type { Problem, Workshop } from '../../app/domain/workshop-file'
import { keyExpiryFor } from '../../app/domain/workshop/workshop'
import { committedAt, keysThatFit } from '../../app/domain/workshop/worst-case'
import { formatUsd } from '../../app/money'
import { lineOf } from '../../app/cli/plan/plan'
import { isUnlikely, likelyMistakes, plain } from '../../app/cli/plan/mistakes'
import type { ModelPlan } from '../../app/cli/plan/models'
import { asWritten, bothClocks, clockIn, lengthOf } from '../../app/cli/plan/times'
import { counted } from '../../app/messages/text'
import { reasonText, type Day } from './day'
import { fastestLoop } from './runaway'

export type Advice = Problem & { isError: boolean }

export type AdviceInput = {
  file: string
  text: string
  workshop: Workshop
  day: Day
  models: ModelPlan[]
  /** What the file's models cost, as far as it is known. */
  prices: ModelPlan[]
  /** Why the models could not be looked up; null when they were. */
  notAsked: string | null
  comeAt: Date
  now: Date
}

const longWaitSeconds = 30

export function adviceOf(input: AdviceInput): Advice[] {
  const { file, text } = input
  const found: Advice[] = []
  const add: Add = (isError, field, message, remedy) =>
    void found.push({ isError, file, line: lineOf(text, field), field, message, remedy })
  ofWindow(input, add)
  ofSeats(input, add)
  ofModels(input, add)
  ofRunaway(input, add)
  ofEngine(input, add)
  const known = new Set(found.map(({ field }) => field))
  for (const { field, message, remedy } of likelyMistakes(input.workshop, null, input.now))
    if (!known.has(field)) add(false, field, message, remedy)
  return found.sort((a, b) => Number(b.isError) - Number(a.isError))
}

type Add = (isError: boolean, field: string, message: string, remedy: string) => void

function ofWindow({ workshop, day, comeAt }: AdviceInput, add: Add): void {
  const { claimsOpenAt: opens, claimsCloseAt: closes, timezone } = workshop
  const better = `write ${asWritten(comeAt, timezone)}, and check timezone: ${timezone}`
  if (day.tooEarly.count > 0 && opens)
    add(
      true,
      'claims_open_at',
      `${counted(day.tooEarly.count, 'person comes', 'people come')} from ${clockIn(comeAt, timezone)} on, ` +
        `and claims open ${lengthOf(day.tooEarly.opensAfterMs)} later, at ${bothClocks(opens, timezone)}`,
      better,
    )
  else if (opens && isUnlikely(opens, timezone))
    add(
      true,
      'claims_open_at',
      `claims open at an unlikely hour, ${bothClocks(opens, timezone)}`,
      `check the offset of the time, and timezone: ${timezone}`,
    )
  const late = day.refused.closed ?? 0
  if (late > 0 && closes)
    add(
      true,
      'claims_close_at',
      `${counted(late, 'person comes', 'people come')} after claims have closed, at ${bothClocks(closes, timezone)}`,
      'close claims when the event ends, and check the offset',
    )
}

function ofSeats({ workshop, day, comeAt }: AdviceInput, add: Add): void {
  const full = day.refused.full ?? 0
  if (full > 0) {
    const at = workshop.claimsOpenAt ?? comeAt
    const needed = committedAt(workshop, at) * BigInt(day.people)
    const pays = keysThatFit({ ...workshop, maxKeys: null }, at)
    const isPool = workshop.poolLimit !== null && pays < day.people
    const raise = isPool ? `limit_usd: ${plain(needed)}` : ''
    const seats = (workshop.maxKeys ?? day.people) < day.people ? `max_keys: ${day.people}` : ''
    add(
      true,
      isPool ? 'limit_usd' : 'max_keys',
      `is too small: ${full} of ${counted(day.people, 'person', 'people')} get no key`,
      `write ${[raise, seats].filter(Boolean).join(' and ')}${isPool ? ', or lower key_limit_usd' : ''}`,
    )
  }
  for (const [reason, count] of Object.entries(day.refused))
    if (reason !== 'full' && reason !== 'closed')
      add(
        true,
        reason === 'wrong-provider' ? 'providers' : 'kind',
        `${counted(count, 'person gets', 'people get')} no key: ${reasonText(reason)}`,
        'change the file, or tell people before they come',
      )
}

function ofModels({ models, notAsked, day }: AdviceInput, add: Add): void {
  for (const model of models) {
    if (model.exists === false)
      add(
        true,
        'allowed_models',
        `${model.id} does not exist` +
          (day.unbound > 0
            ? `: ${counted(day.unbound, 'key')} could not be limited to the workshop’s models`
            : ''),
        model.suggestion ? `write ${model.suggestion}` : 'choose one that the provider lists',
      )
    else if (model.exists === null)
      add(
        false,
        'allowed_models',
        `${model.id} could not be looked up (${notAsked ?? 'unknown'})`,
        `${model.suggestion ? `did you mean ${model.suggestion}? ` : ''}run this with a network`,
      )
  }
}

/** What `pause_on_runaway: true` looks for. */
const usualMinutes = 10

function ofRunaway({ workshop, day, prices, comeAt }: AdviceInput, add: Add): void {
  const { runaway } = day
  if (runaway && (runaway.heldAfterSeconds === null || !runaway.wasOff || !runaway.goesOn))
    add(
      true,
      'pause_on_runaway',
      runaway.heldAfterSeconds === null
        ? 'a key that spent too fast was not put on hold'
        : runaway.wasOff
          ? 'a key on hold did not work again after its owner pressed “Go on”'
          : 'a key on hold still worked at the provider',
      'this is not about the file: report it with the timeline',
    )
  const loop = fastestLoop(prices, workshop.keyLimit)
  const pause = workshop.pauseOnRunawayMinutes
  const until = workshop.claimsCloseAt ?? keyExpiryFor(workshop, comeAt)
  const lastsMinutes = (until.getTime() - comeAt.getTime()) / 60_000
  if (!loop || loop.emptyAfterMinutes > usualMinutes || loop.emptyAfterMinutes * 4 > lastsMinutes)
    return
  if (pause !== null && loop.emptyAfterMinutes <= pause) return
  add(
    false,
    'key_limit_usd',
    `a script in a loop on ${loop.model} spends about ${formatUsd(loop.perMinute)} a minute and empties ` +
      `a key of ${formatUsd(workshop.keyLimit)} in ${counted(loop.emptyAfterMinutes, 'minute')}` +
      (pause === null ? '' : `, which pause_on_runaway: ${pause}m does not stop`),
    'add `pause_on_runaway: true`: such a key is put on hold, and its owner lets it go on',
  )
}

function ofEngine({ models, day }: AdviceInput, add: Add): void {
  if (day.unserved > 0)
    add(
      true,
      'title',
      `${counted(day.unserved, 'person', 'people')} still had no key when everybody had come`,
      'this is not about the file: run it a second time, then report it with the timeline',
    )
  else if (day.longestWaitSeconds > longWaitSeconds)
    add(
      false,
      'title',
      `the longest wait for a key was ${Math.round(day.longestWaitSeconds)} s`,
      'raise MINT_CONCURRENCY, or let people come in two groups',
    )
  if (day.unbound > 0 && models.every((model) => model.exists !== false))
    add(
      false,
      'allowed_models',
      `${counted(day.unbound, 'key')} stayed without a guardrail`,
      'check the models, and run it a second time',
    )
  if (day.leftOpen > 0 || day.missingUsd > 0.001)
    add(
      true,
      'title',
      `${counted(day.leftOpen, 'key')} did not settle, and $${day.missingUsd.toFixed(2)} is not accounted for`,
      'this is not about the file: report it with the timeline',
    )
}
