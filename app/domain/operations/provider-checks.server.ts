/**
 * What only the provider can say: whether our key may act, whether the money lasts, whether models
 * and guardrails are as the files say.
 */
import type { GuardrailRules, UpstreamGuardrail, UpstreamModel } from '~/adapters/key-provider'
import { guardrailReset } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import type { NanoUsd } from '~/money'
import { guardrailRulesOf, largestKeyLimit } from '../keys/guardrail.server'
import { keysThatFit } from '../workshop/worst-case'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import {
  count,
  dollars,
  fail,
  listed,
  ok,
  upcomingWorkshops,
  together,
  warn,
  type Finding,
  type PatientWith,
} from './doctor-check'
import { readExposure } from './exposure.server'

type WithProvider = PatientWith<'provider'>

const keyRemedy =
  'Make a management key at https://openrouter.ai/settings/management-keys, in the same account, and set OPENROUTER_MANAGEMENT_KEY: docs/runbook.md, “Management key revoked”.'

export async function checkManagementKey({ provider }: WithProvider): Promise<Finding> {
  try {
    const { isManagementKey } = await provider.readManagementKey()
    if (!isManagementKey)
      return fail(
        'OPENROUTER_MANAGEMENT_KEY works but is an ordinary API key without management rights: it can make no key.',
        keyRemedy,
      )
    return ok('The provider takes the management key, and it may manage keys.')
  } catch (error) {
    if (!isProviderError(error)) throw error
    if (error.details.reason === 'unauthorized')
      return fail(
        'The provider does not accept OPENROUTER_MANAGEMENT_KEY (401): it was revoked, or mistyped.',
        keyRemedy,
      )
    return fail(
      `The provider did not say whether the management key is good. ${error.message}.`,
      'Look at https://status.openrouter.ai, at OPENROUTER_BASE_URL and at outgoing connections; then check again.',
    )
  }
}

const creditRemedy =
  'Add credit at https://openrouter.ai/settings/credits before the doors open. Without it keys are made but answer 402.'

/**
 * Half of the worst case is the least that a room may start with; the worst case itself is what the
 * files promise.
 */
export async function checkCredits(patient: WithProvider): Promise<Finding> {
  const [{ bought, used }, exposure] = await Promise.all([
    patient.provider.readCredits(),
    readExposure(patient),
  ])
  const left = bought - used
  const parts = exposure.parts.map(({ slug, amount }) => `${slug} ${dollars(amount)}`)
  const figures = `${dollars(left)} of credit left; what is open, opens within a week or still lives can spend ${dollars(exposure.total)} at worst${parts.length > 0 ? ` (${listed(parts)})` : ''}${exposure.spentKnown ? '' : ', without what was spent already, which only the database knows'}.`
  const findings: Finding[] = []
  if (left <= 0n) findings.push(fail(`The account has no credit. ${figures}`, creditRemedy))
  else if (left * 2n < exposure.total)
    findings.push(
      fail(`The credit covers less than half of the worst case. ${figures}`, creditRemedy),
    )
  else if (left < exposure.total)
    findings.push(warn(`The credit does not cover the worst case. ${figures}`, creditRemedy))
  if (exposure.unbounded.length > 0)
    findings.push(
      warn(
        `Nothing bounds ${listed(exposure.unbounded)}: neither a pool nor a number of keys.`,
        'Give the file limit_usd or max_keys.',
      ),
    )
  return together(findings, figures)
}

/**
 * A prepaid account may have only a part of its balance under way at once, and a request without
 * max_tokens is counted with the longest answer of its model. Keys cannot be made to send
 * max_tokens: only a comfortable balance helps.
 */
export async function checkInFlight(patient: WithProvider): Promise<Finding> {
  const [{ bought, used }, models] = await Promise.all([
    patient.provider.readCredits(),
    patient.provider.listModels(),
  ])
  const left = bought - used
  const findings: Finding[] = []
  for (const room of upcomingWorkshops(patient)) {
    const dearest = dearestOf(room, models)
    const free = room.allowedModels.filter((model) => model.endsWith(':free'))
    if (free.length > 0)
      findings.push(
        warn(
          `${room.slug} allows ${listed(free)}: free models are limited for the whole account, to 20 requests a minute and 50 or 1,000 a day, shared by all keys.`,
          'Name the paid variant, or tell the room that it may have to wait.',
        ),
      )
    if (!dearest) continue
    const seats = seatsOf(room, patient.now())
    if (dearest.amount > room.keyLimit)
      findings.push(
        warn(
          `In ${room.slug} one request to ${dearest.model} without max_tokens is counted as ${dollars(dearest.amount)}, more than a key’s ${dollars(room.keyLimit)}: it is refused (402).`,
          'Raise key_limit_usd, or allow a cheaper model; the snippets on the page set max_tokens.',
        ),
      )
    if (dearest.amount * BigInt(seats) > left)
      findings.push(
        warn(
          `If all ${seats} of ${room.slug} send one request to ${dearest.model} at once without max_tokens, ${dollars(dearest.amount * BigInt(seats))} are under way, and ${dollars(left)} are there: some are refused (402 in_flight_budget_exhausted) until others end.`,
          'Add credit; the provider allows only a part of the balance at once.',
        ),
      )
  }
  return together(
    findings,
    `One request of everybody at once, each with the longest answer, stays below the ${dollars(left)} that are left.`,
  )
}

function seatsOf(room: Workshop, now: Date): number {
  return Math.min(
    keysThatFit(
      room,
      room.claimsOpenAt !== null && room.claimsOpenAt > now ? room.claimsOpenAt : now,
    ),
    10_000,
  )
}

function dearestOf(
  room: Workshop,
  models: UpstreamModel[],
): { model: string; amount: NanoUsd } | null {
  let dearest: { model: string; amount: NanoUsd } | null = null
  for (const model of models) {
    if (
      model.longestAnswer === null ||
      !(room.allowedModels.includes(model.id) || room.allowedModels.includes(model.canonicalSlug))
    )
      continue
    if (!dearest || model.longestAnswer > dearest.amount)
      dearest = { model: model.id, amount: model.longestAnswer }
  }
  return dearest
}

export async function checkModels(patient: WithProvider): Promise<Finding> {
  const models = await patient.provider.listModels()
  const known = new Set(models.flatMap(({ id, canonicalSlug }) => [id, canonicalSlug]))
  const now = patient.now()
  const coming = [...patient.workshops.workshops.values()].filter(
    (workshop) => windowState(workshop, now) !== 'closed',
  )
  const findings = coming.flatMap((workshop) => {
    const unknown = workshop.allowedModels.filter((model) => !known.has(model))
    return unknown.length === 0
      ? []
      : [
          fail(
            `${workshop.slug} allows ${listed(unknown)}, which the provider does not have: its guardrail is refused and its keys stay unbound.`,
            'Correct allowed_models in the file and deploy; https://openrouter.ai/models has the names.',
          ),
        ]
  })
  const all = new Set(coming.flatMap((workshop) => workshop.allowedModels))
  return together(
    findings,
    `${all.size === 1 ? 'The one allowed model is' : `All ${all.size} allowed models are`} among the provider’s ${models.length}.`,
  )
}

export async function checkGuardrails(patient: WithProvider): Promise<Finding> {
  const [guardrails, models] = await Promise.all([
    patient.provider.listGuardrails(),
    patient.provider.listModels(),
  ])
  const canonical = new Map(models.map((model) => [model.id, model.canonicalSlug]))
  const remedy = '/admin/reconcile shows the difference and puts it right.'
  const notYet: string[] = []
  const findings: Finding[] = []
  for (const room of upcomingWorkshops(patient)) {
    const rules = guardrailRulesOf(room, await largestLimitIn(patient, room))
    const [oldest, ...others] = guardrails
      .filter(({ name }) => name === rules.name)
      .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || a.id.localeCompare(b.id))
    if (!oldest) {
      notYet.push(room.slug)
      continue
    }
    if (others.length > 0)
      findings.push(
        warn(
          `There are ${others.length + 1} guardrails named ${rules.name}; the oldest counts.`,
          'Delete the younger ones at the provider, if no key hangs on them.',
        ),
      )
    const drift = driftOf(oldest, rules, canonical)
    if (drift.length > 0)
      findings.push(fail(`${rules.name} differs from its file: ${drift.join('; ')}.`, remedy))
  }
  const made = upcomingWorkshops(patient).length - notYet.length
  const fine = [
    ...(made > 0
      ? [`${count(made, 'guardrail')} agree${made === 1 ? 's' : ''} with the workshop files.`]
      : []),
    ...(notYet.length > 0
      ? [
          `Not made yet: ${listed(notYet)}; a worker does that ten minutes before the doors open, or with the first key.`,
        ]
      : []),
  ]
  return together(findings, fine.join(' ') || 'No workshop needs one within a week.')
}

/** The file's alone when the database cannot say which keys staff have raised. */
async function largestLimitIn({ db }: WithProvider, room: Workshop): Promise<NanoUsd> {
  if (!db) return room.keyLimit
  return largestKeyLimit({ db }, room.slug, room.keyLimit).catch(() => room.keyLimit)
}

/** In words, "has … and not …". The provider answers with canonical slugs whatever was sent. */
export function driftOf(
  upstream: UpstreamGuardrail,
  rules: GuardrailRules,
  canonical: Map<string, string>,
): string[] {
  const drift: string[] = []
  const wanted = new Set(rules.allowedModels.map((model) => canonical.get(model) ?? model))
  const has = new Set((upstream.allowedModels ?? []).map((model) => canonical.get(model) ?? model))
  const more = [...has].filter((model) => !wanted.has(model))
  const less = [...wanted].filter((model) => !has.has(model))
  if (upstream.allowedModels === null || upstream.allowedModels.length === 0)
    drift.push('it allows every model')
  else if (more.length > 0) drift.push(`it also allows ${listed(more)}`)
  if (upstream.allowedModels !== null && less.length > 0)
    drift.push(`it does not allow ${listed(less)}`)
  if (upstream.limitUsd !== rules.limit)
    drift.push(
      `its limit is ${upstream.limitUsd === null ? 'none' : dollars(upstream.limitUsd)} and not ${dollars(rules.limit)}`,
    )
  if (upstream.resetInterval !== guardrailReset)
    drift.push(`its reset is ${upstream.resetInterval ?? 'none'} and not ${guardrailReset}`)
  return drift
}
