/** A plan as people read it in a terminal and beside a pull request, and as programs do. */
import { decimalStringFromNano, formatUsd, type NanoUsd } from '~/money'
import { formatProblem, type Problem } from '../../domain/workshop/parse'
import { counted } from '../../messages/text'
import { modelLine } from './models'
import { hasError, type Live, type Plan, type RemovedPlan, type WorkshopPlan } from './plan'
import { bothClocks } from './times'

const usd = (amount: NanoUsd | null) =>
  amount === null ? 'without a limit' : formatUsd(amount, { exact: true })

export function planText(plan: Plan, options: { isBrief: boolean }): string {
  const { base } = plan
  const lines = [
    base === null
      ? 'Compared with nothing: there is no base.'
      : `Compared with ${base.kind === 'git' ? 'the commit' : 'the folder'} ${base.name}.`,
  ]
  if (plan.problems.length > 0)
    lines.push('', 'These files have an error, and their pages will say so:')
  lines.push(...plan.problems.map((problem) => `  ${formatProblem(problem)}`))
  const isShort = (one: WorkshopPlan) => options.isBrief && one.status === 'unchanged'
  const full = plan.workshops.filter((one) => !isShort(one))
  for (const one of full) lines.push('', ...workshopLines(one, plan))
  for (const one of plan.removed) lines.push('', ...removedLines(one))
  const same = plan.workshops.filter(isShort)
  if (same.length > 0) lines.push('', `Unchanged: ${same.map(({ slug }) => slug).join(', ')}.`)
  if (full.length + plan.removed.length + plan.problems.length === 0)
    lines.push('', 'Nothing changes.')
  lines.push('', ...sumLines(plan))
  return `${lines.join('\n')}\n`
}

function workshopLines(one: WorkshopPlan, plan: Plan): string[] {
  const { workshop } = one
  const zone = workshop.timezone
  const title = {
    added: `New: ${one.slug}`,
    changed: `Changed: ${one.slug}`,
    renamed: `Renamed: ${one.renamedFrom} is now ${one.slug}`,
    unchanged: `Unchanged: ${one.slug}`,
    shown: one.slug,
  }[one.status]
  const when = (at: Date | null, none: string) => (at === null ? none : bothClocks(at, zone))
  const lines = [
    `${title} (${one.file}), “${workshop.title}”`,
    `  opens       ${when(workshop.claimsOpenAt, 'with the deploy')}`,
    `  closes      ${when(workshop.claimsCloseAt, 'never')}`,
    `  keys        ${counted(one.seats, 'seat')}, ${usd(workshop.keyLimit)} ${workshop.keyLimitReset ?? 'once'}, ` +
      `at most ${usd(one.perKey)} until a key ends`,
    `  worst case  ${usd(one.worst)}${beforeText(one)}${creditsText(one.worst, plan)}`,
  ]
  if (one.window === 'closed') lines.push('  state       closed already')
  if (one.live) lines.push(`  live        ${liveText(one.live)}`)
  lines.push('  models')
  for (const model of one.models) lines.push(`    ${modelLine(model, workshop.keyLimit)}`)
  if (one.renamedFrom !== null)
    lines.push(
      '  A rename closes the old workshop and opens one with an empty pool: everybody can claim a second time.',
      `  It may cost ${usd(one.worst)} more  → keep the name of the file`,
    )
  if (one.changes.length > 0) lines.push('  changes')
  for (const change of one.changes)
    lines.push(`    ${change.field}: ${change.from} → ${change.to}`, `      ${change.meaning}`)
  const warnings = plan.warnings.filter(({ file }) => file === one.file)
  if (one.mistakes.length + warnings.length > 0) lines.push('  perhaps not meant')
  for (const warning of warnings) lines.push(`    ${formatProblem(warning)}`)
  for (const { field, message, remedy, cost, line } of one.mistakes) {
    const price = cost === null ? '' : ` It may cost up to ${usd(cost)}.`
    lines.push(`    ${one.file}:${line} ${field}: ${message}.${price}  → ${remedy}`)
  }
  return lines
}

function removedLines({ slug, title, live }: RemovedPlan): string[] {
  return [
    `Removed: ${slug}${title === null ? '' : `, “${title}”`}`,
    '  Claims close. Keys work until they expire, and stay in the admin pages.',
    ...(live ? [`  live        ${liveText(live)}`] : []),
  ]
}

function sumLines(plan: Plan): string[] {
  const lines = [`Worst case of all that has not closed: ${usd(plan.worst)}.`]
  const { left, why } = plan.credits
  if (left === null) lines.push(`Credits are unknown: ${why}.`)
  else if (plan.worst === null || left < plan.worst)
    lines.push(
      plan.worst === null
        ? `Credits left: ${usd(left)}, and the worst case has no limit.`
        : `Credits left: ${usd(left)}. Buy ${usd(plan.worst - left)} more before the first event.`,
    )
  else lines.push(`Credits left: ${usd(left)}, enough for it.`)
  if (plan.modelList.error !== null)
    lines.push(`Models were not checked: ${plan.modelList.error}. Run this with a network.`)
  const absent = plan.workshops.flatMap((one) =>
    one.models
      .filter((model) => model.exists === false)
      .map((model) => `${model.id} (${one.slug})`),
  )
  if (absent.length > 0)
    lines.push(
      `These models do not exist at ${plan.modelList.host}: ${absent.join(', ')}. ` +
        'No key of the workshop could be limited to its models.',
    )
  if (plan.database?.error) lines.push(`Live numbers are unknown: ${plan.database.error}.`)
  return lines
}

function creditsText(worst: NanoUsd | null, { credits: { left } }: Plan): string {
  if (left === null || worst === null) return ''
  return left < worst ? `; credits are ${usd(worst - left)} short` : `, of ${usd(left)} credits`
}

const beforeText = ({ worst, worstBefore }: WorkshopPlan) =>
  worstBefore === null || worstBefore === worst ? '' : `, before ${usd(worstBefore)}`

const liveText = (live: Live) =>
  `${counted(live.liveKeys, 'key')} in use, ${counted(live.claims, 'claim')}, ${formatUsd(live.spent)} spent`

export function planJson(plan: Plan, exitCode: number): string {
  const amount = (nano: NanoUsd | null) => (nano === null ? null : decimalStringFromNano(nano))
  const live = (numbers: Live | null) => numbers && { ...numbers, spent: amount(numbers.spent) }
  const place = ({ file, line, field, message, remedy }: Problem) => ({
    file,
    line,
    field,
    message,
    remedy,
  })
  return JSON.stringify(
    {
      asOf: plan.asOf,
      exitCode,
      ok: !hasError(plan),
      base: plan.base,
      worstCaseUsd: amount(plan.worst),
      credits: { leftUsd: amount(plan.credits.left), unknownBecause: plan.credits.why },
      models: { host: plan.modelList.host, unreachable: plan.modelList.error },
      database: plan.database,
      problems: plan.problems.map(place),
      warnings: plan.warnings.map(place),
      workshops: plan.workshops.map((one) => ({
        slug: one.slug,
        file: one.file,
        status: one.status,
        renamedFrom: one.renamedFrom,
        timezone: one.workshop.timezone,
        opensAt: one.workshop.claimsOpenAt,
        closesAt: one.workshop.claimsCloseAt,
        window: one.window,
        seats: one.seats,
        keyLimitUsd: amount(one.workshop.keyLimit),
        perKeyUsd: amount(one.perKey),
        worstCaseUsd: amount(one.worst),
        worstCaseBeforeUsd: amount(one.worstBefore),
        models: one.models.map(
          ({ promptPerMillion, completionPerMillion, longestAnswer, ...model }) => ({
            ...model,
            promptUsdPerMillion: amount(promptPerMillion),
            completionUsdPerMillion: amount(completionPerMillion),
            longestAnswerUsd: amount(longestAnswer),
          }),
        ),
        changes: one.changes,
        mistakes: one.mistakes.map(({ cost, ...mistake }) => ({
          ...mistake,
          costUsd: amount(cost),
        })),
        live: live(one.live),
      })),
      removed: plan.removed.map((one) => ({ ...one, live: live(one.live) })),
    },
    null,
    2,
  )
}
