/**
 * What the provider says: whether our key has its rights, whether the credit lasts, whether models
 * and guardrails are as the files say.
 */
import type { GuardrailRules, UpstreamGuardrail, UpstreamModel } from '~/adapters/key-provider'
import { guardrailReset } from '~/adapters/key-provider'
import { isProviderError } from '~/adapters/provider-error'
import type { NanoUsd } from '~/money'
import { moneyView } from '../money-view'
import {
  guardrailName,
  guardrailRulesOf,
  largestKeyLimit,
  oldestFirst,
  ownGuardrailName,
  ownGuardrails,
} from '../keys/guardrail.server'
import { firstClaimAt, keysThatFit } from '../workshop/worst-case'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { judgeCredits } from './money-judgement'
import { upcomingWorkshops, type TestedWith } from './readiness-check'
import {
  error,
  ok,
  orWhenFine,
  warning,
  type Finding,
  type GuardrailDifference,
} from './readiness-finding'
import { readRemainingWorstCase } from './remaining-worst-case.server'

type WithProvider = TestedWith<'provider'>

export async function checkManagementKey({ provider }: WithProvider): Promise<Finding> {
  try {
    const { isManagementKey } = await provider.readManagementKey()
    return isManagementKey ? ok({ code: 'management-key-ok' }) : error({ code: 'ordinary-key' })
  } catch (thrown) {
    if (!isProviderError(thrown)) throw thrown
    return thrown.details.reason === 'unauthorized'
      ? error({ code: 'management-key-refused' })
      : error({ code: 'management-key-unknown', error: thrown.message })
  }
}

/** Keys and guardrails stand in one workspace. The account lives on without it, and makes neither. */
export async function checkWorkspace({ provider }: WithProvider): Promise<Finding> {
  return (await provider.isWorkspaceThere())
    ? ok({ code: 'workspace-ok' })
    : error({ code: 'workspace-gone' })
}

const creditCodes = {
  none: 'no-credit',
  'below-promised': 'credit-below-promised',
  'below-half': 'credit-below-half',
  'below-claimable': 'credit-below-worst-case',
} as const

/** The rule of the judgement over what the provider says now, for workshops of the week ahead. */
export async function checkCredits(tested: WithProvider): Promise<Finding[]> {
  const [{ bought, used }, worstCase] = await Promise.all([
    tested.provider.readCredits(),
    readRemainingWorstCase(tested),
  ])
  const left = bought - used
  const values = {
    left: moneyView(left),
    worstCase: moneyView(worstCase.total),
    parts: worstCase.parts.map(({ slug, amount }) => ({ slug, amount: moneyView(amount) })),
    spentKnown: worstCase.spentKnown,
  }
  const findings: Finding[] = []
  const { promised, total } = worstCase
  const low = judgeCredits(left, {
    promised,
    claimable: total > promised ? total - promised : 0n,
  })
  if (low) findings.push({ code: creditCodes[low.level], ...values, severity: low.severity })
  const keys = await countUncountedByok(tested)
  if (keys > 0) findings.push(warning({ code: 'byok-not-counted', keys }))
  return orWhenFine(findings, { code: 'credit-ok', ...values })
}

/** Live keys that the provider shows without the flag: what own provider keys serve is beside their limit. */
async function countUncountedByok({ db }: WithProvider): Promise<number> {
  if (!db) return 0
  const rows = await db.$queryRaw<{ keys: number }[]>`
    select count(*)::int as keys from keymint.keys where saved_at is not null and seen_byok = false
      and off_ended_at is null and off_replaced_at is null and deleted_at is null and missing_at is null
      and expires_at > keymint.now()`.catch(() => [])
  return rows[0]?.keys ?? 0
}

/**
 * A prepaid account may have only a part of its balance in flight at once, and a request without
 * max_tokens counts with the longest answer of its model. Keys cannot be made to send max_tokens:
 * only a comfortable balance helps.
 */
export async function checkInFlight(tested: WithProvider): Promise<Finding[]> {
  const [{ bought, used }, models] = await Promise.all([
    tested.provider.readCredits(),
    tested.provider.listModels(),
  ])
  const left = bought - used
  return orWhenFine(
    upcomingWorkshops(tested).flatMap((workshop) =>
      inFlightFindings(workshop, tested.now(), models, left),
    ),
    { code: 'in-flight-ok', left: moneyView(left) },
  )
}

function inFlightFindings(
  workshop: Workshop,
  now: Date,
  models: UpstreamModel[],
  left: NanoUsd,
): Finding[] {
  const { slug, keyLimit, allowedModels } = workshop
  const findings: Finding[] = []
  const free = allowedModels.filter((model) => model.endsWith(':free'))
  if (free.length > 0) findings.push(warning({ code: 'free-models', slug, models: free }))
  const dearest = dearestOf(workshop, models)
  if (!dearest) return findings
  const { model, amount } = dearest
  if (amount > keyLimit)
    findings.push(
      warning({
        code: 'request-above-limit',
        slug,
        model,
        amount: moneyView(amount),
        limit: moneyView(keyLimit),
      }),
    )
  const seats = seatsOf(workshop, now)
  const together = amount * BigInt(seats)
  if (together > left)
    findings.push(
      warning({
        code: 'in-flight-short',
        slug,
        seats,
        model,
        amount: moneyView(together),
        left: moneyView(left),
      }),
    )
  return findings
}

const seatsOf = (workshop: Workshop, now: Date): number =>
  Math.min(keysThatFit(workshop, firstClaimAt(workshop, now)), 10_000)

/** The allowed model whose longest answer costs most. */
function dearestOf(
  workshop: Workshop,
  models: UpstreamModel[],
): { model: string; amount: NanoUsd } | null {
  let dearest: { model: string; amount: NanoUsd } | null = null
  for (const model of models) {
    const { allowedModels } = workshop
    if (
      model.longestAnswer === null ||
      !(allowedModels.includes(model.id) || allowedModels.includes(model.canonicalSlug))
    )
      continue
    if (!dearest || model.longestAnswer > dearest.amount)
      dearest = { model: model.id, amount: model.longestAnswer }
  }
  return dearest
}

export async function checkModels(tested: WithProvider): Promise<Finding[]> {
  const models = await tested.provider.listModels()
  const known = new Set(models.flatMap(({ id, canonicalSlug }) => [id, canonicalSlug]))
  const now = tested.now()
  const coming = [...tested.workshops.workshops.values()].filter(
    (workshop) => windowState(workshop, now) !== 'closed',
  )
  const findings = coming.flatMap(({ slug, allowedModels }) => {
    const unknown = allowedModels.filter((model) => !known.has(model))
    return unknown.length === 0 ? [] : [error({ code: 'models-unknown', slug, models: unknown })]
  })
  const allowed = new Set(coming.flatMap((workshop) => workshop.allowedModels)).size
  return orWhenFine(findings, { code: 'models-ok', allowed, offered: models.length })
}

export async function checkGuardrails(tested: WithProvider): Promise<Finding[]> {
  const [guardrails, models] = await Promise.all([
    tested.provider.listGuardrails(),
    tested.provider.listModels(),
  ])
  const canonical = new Map(models.map((model) => [model.id, model.canonicalSlug]))
  const upcoming = upcomingWorkshops(tested)
  const notYet: string[] = []
  const findings: Finding[] = []
  for (const workshop of upcoming) {
    const whose = await readWhose(tested, workshop.slug)
    const rules = guardrailRulesOf(
      workshop,
      await largestLimitIn(tested, workshop),
      whose?.installationId ?? '',
    )
    const taken = guardrailName(workshop.slug)
    // Without a database nobody can say whose it is.
    const ours = whose
      ? ownGuardrails(guardrails, workshop.slug, whose)
      : guardrails.filter((one) => one.name === taken).sort(oldestFirst)
    if (whose && guardrails.some((one) => one.name === taken && !ours.includes(one)))
      findings.push(
        warning({
          code: 'guardrail-foreign',
          name: taken,
          ours: ownGuardrailName(workshop.slug, whose.installationId),
        }),
      )
    const [oldest, ...others] = ours
    const name = oldest?.name ?? rules.name
    if (!oldest) {
      notYet.push(workshop.slug)
      continue
    }
    if (others.length > 0)
      findings.push(warning({ code: 'guardrail-twice', name, count: others.length + 1 }))
    const differences = differencesOf(oldest, rules, canonical)
    if (differences.length > 0)
      findings.push(error({ code: 'guardrail-differs', name, differences }))
  }
  return orWhenFine(findings, {
    code: 'guardrails-ok',
    agreeing: upcoming.length - notYet.length,
    notYet,
  })
}

/** Whose guardrails are ours: what the database says of the installation and of this workshop's. */
async function readWhose({ db }: WithProvider, slug: string) {
  if (!db) return null
  const rows = await db.$queryRaw<{ installationId: string; knownId: string | null }[]>`
    select i.id as "installationId", g.guardrail_id as "knownId" from keymint.installation i
    left join keymint.guardrails g on g.workshop_slug = ${slug}`.catch(() => [])
  return rows[0] ?? null
}

/** The file's alone when the database cannot say which keys staff have raised. */
async function largestLimitIn({ db }: WithProvider, workshop: Workshop): Promise<NanoUsd> {
  if (!db) return workshop.keyLimit
  return largestKeyLimit({ db }, workshop.slug, workshop.keyLimit).catch(() => workshop.keyLimit)
}

/** The provider answers with canonical slugs whatever was sent. */
function differencesOf(
  upstream: UpstreamGuardrail,
  rules: GuardrailRules,
  canonical: Map<string, string>,
): GuardrailDifference[] {
  const found: GuardrailDifference[] = []
  const wanted = new Set(rules.allowedModels.map((model) => canonical.get(model) ?? model))
  const has = new Set((upstream.allowedModels ?? []).map((model) => canonical.get(model) ?? model))
  const more = [...has].filter((model) => !wanted.has(model))
  const fewer = [...wanted].filter((model) => !has.has(model))
  if (upstream.allowedModels === null || upstream.allowedModels.length === 0)
    found.push({ what: 'every-model' })
  else if (more.length > 0) found.push({ what: 'more-models', models: more })
  if (upstream.allowedModels !== null && fewer.length > 0)
    found.push({ what: 'fewer-models', models: fewer })
  if (rules.limit !== null && upstream.limitUsd !== rules.limit)
    found.push({
      what: 'limit',
      has: upstream.limitUsd === null ? null : moneyView(upstream.limitUsd),
      wanted: moneyView(rules.limit),
    })
  if (upstream.resetInterval !== guardrailReset)
    found.push({ what: 'reset', has: upstream.resetInterval, wanted: guardrailReset })
  return found
}
