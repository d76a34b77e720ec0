/** A rehearsal of one workshop's file: it is read, played, and judged. */
import { readFile } from 'node:fs/promises'
import { createOpenRouterService } from '~/adapters/openrouter-service.server'
import type { Workshop } from '~/domain/workshop-file'
import { loadWorkshopFiles } from '~/domain/workshop/catalog.server'
import { formatProblem } from '~/domain/workshop/parse'
import { askModels, nearestModel, planModels, type ModelPlan } from '../../app/cli/plan/models'
import { bothClocks, clockIn, dayIn, inZone, momentAt } from '../../app/cli/plan/times'
import { counted } from '../../app/messages/text'
import { formatUsd } from '../../app/money'
import type { Template } from '../../tests/database'
import { openWorld } from '../../tests/world'
import { adviceOf, type Advice } from './advice'
import { playDay, type Day } from './day'

export type RehearsalInput = {
  file: string
  people: number
  /** When people come, on the clocks of the event; null: when claims open. */
  at: string | null
  modelsFrom: string
  now: Date
  template?: Template
}

export type Rehearsal = {
  /** Nothing in it must change before the day. */
  isReady: boolean
  workshop: Workshop | null
  comeAt: Date | null
  day: Day | null
  advice: Advice[]
  /** What was played differently from the file. */
  notes: string[]
}

export async function rehearse(input: RehearsalInput): Promise<Rehearsal> {
  const { file, now } = input
  const { workshops, problems } = await loadWorkshopFiles([file])
  const workshop = [...workshops.values()][0] ?? null
  const advice = problems.map((problem) => ({ ...problem, isError: true }))
  if (workshop === null)
    return { isReady: false, workshop, comeAt: null, day: null, advice, notes: [] }
  const { timezone } = workshop
  const opens = workshop.claimsOpenAt ?? now
  const comeAt = input.at === null ? opens : momentAt(dayIn(opens, timezone), input.at, timezone)
  const asked = await askModels(input.modelsFrom)
  await using world = await openWorld(
    { workshops: [], maxTotalKeys: 1_000_000 },
    ...(input.template ? [input.template] : []),
  )
  // It refuses a key that ends in the past: of a file of last year, by the played clock alone.
  world.ctx.services = new Map(world.ctx.services).set(
    'openrouter',
    createOpenRouterService({
      baseUrl: world.upstream.baseUrl,
      open: () => world.ctx.provider,
      now: () => world.ctx.now(),
    }),
  )
  const known = (await askModels(world.upstream.baseUrl)).models ?? []
  const models = planModels(workshop.allowedModels, asked).map((model): ModelPlan =>
    model.exists === null ? { ...model, suggestion: suggestionOf(model.id, known) } : model,
  )
  const isPlayed = ({ id, exists }: ModelPlan) =>
    exists === false || known.some((one) => one.id === id)
  const left = models.filter((model) => !isPlayed(model)).map(({ id }) => id)
  const allowedModels = models.filter(isPlayed).map(({ id }) => id)
  const played = {
    ...workshop,
    allowedModels: allowedModels.length > 0 ? allowedModels : [known[0]!.id],
  }
  world.ctx.workshops.workshops.set(workshop.slug, played)
  const day = await playDay(world, played, { people: input.people, comeAt })
  const found = adviceOf({
    file,
    text: await readFile(file, 'utf8'),
    workshop,
    day,
    // What the stand-in knows is not worth a warning offline.
    models: models.filter(({ exists, id }) => exists !== null || left.includes(id)),
    prices: planModels(workshop.allowedModels, asked.models ? asked : { ...asked, models: known }),
    notAsked: asked.error,
    comeAt,
    now,
  })
  return {
    isReady: !found.some((one) => one.isError),
    workshop,
    comeAt,
    day,
    advice: found,
    notes: [
      ...(asked.error === null
        ? []
        : [`The provider’s models were not looked up: ${asked.error}.`]),
      ...(left.length === 0
        ? []
        : [`Played without ${left.join(', ')}, which the stand-in does not know.`]),
    ],
  }
}

/** Only where it is unlike every known name is there nothing to suggest. */
function suggestionOf(id: string, known: { id: string }[]): string | null {
  return known.some((one) => one.id === id) ? null : nearestModel(id, known)
}

function runawayText({ runaway }: Day): string[] {
  if (!runaway) return []
  const { heldAfterSeconds, goesOn, perMinute, left, limit } = runaway
  return [
    heldAfterSeconds === null
      ? `A key that spent ${formatUsd(perMinute)} a minute was not put on hold.`
      : `A key that spent ${formatUsd(perMinute)} a minute was put on hold after ${heldAfterSeconds} s, with ` +
        `${formatUsd(left)} of ${formatUsd(limit)} left; its owner ${goesOn ? 'went on' : 'could not go on'}.`,
  ]
}

export function rehearsalText(input: RehearsalInput, made: Rehearsal): string {
  const { workshop, comeAt, day } = made
  const lines: string[] = []
  if (workshop && comeAt && day) {
    const zone = workshop.timezone
    lines.push(
      `Rehearsal of ${input.file}, “${workshop.title}”`,
      `${counted(input.people, 'person', 'people')}, most of them at ${bothClocks(comeAt, zone)}`,
      '',
    )
    let lastDay = ''
    for (const { at, text } of day.timeline) {
      const today = dayIn(at, zone)
      if (today !== lastDay) lines.push(inZone(at, zone).replace(/, [\d:]+$/, ''))
      lastDay = today
      lines.push(`  ${clockIn(at, zone)}  ${text}`)
    }
    lines.push(
      '',
      `${day.withKey} of ${counted(day.people, 'person', 'people')} got a key; half of them within ` +
        `${day.medianWaitSeconds.toFixed(1)} s, the last within ${day.longestWaitSeconds.toFixed(1)} s.`,
      ...runawayText(day),
      ...made.notes,
      '',
    )
  }
  const errors = made.advice.filter((one) => one.isError)
  const others = made.advice.filter((one) => !one.isError)
  lines.push(
    errors.length === 0
      ? 'Result: ready. Nothing must change before the day.'
      : `Result: not ready. Change ${counted(errors.length, 'thing')} before the day:`,
  )
  lines.push(...errors.map((one) => `  ${formatProblem(one)}`))
  if (others.length > 0) lines.push('Look at this too:')
  lines.push(...others.map((one) => `  ${formatProblem(one)}`))
  return `${lines.join('\n')}\n`
}
