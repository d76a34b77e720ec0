/**
 * One day of a workshop by its own file, against the stand-ins and on a moving clock: arrivals,
 * claims with faults of the provider, spending, closing, the end of the keys and their settlement.
 * A worker runs in this process while people arrive; later, where only time passes, the engine's
 * work is done in steps.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import { claimKey } from '~/domain/claim/claim.server'
import type { Claimant } from '~/domain/claim/admission'
import { readAllCounters } from '~/domain/operations/counters.server'
import type { Workshop } from '~/domain/workshop-file'
import { clockIn } from '../../app/cli/plan/times'
import { counted } from '../../app/messages/text'
import { formatUsd } from '../../app/money'
import { spend } from '../../tests/claims'
import { letSettle, readAll } from '../../tests/engine'
import { mulberry32 } from '../../tests/rng'
import type { World } from '../../tests/world'
import { playRunaway, type Runaway } from './runaway'

export type Moment = { at: Date; text: string }

export type Day = {
  timeline: Moment[]
  people: number
  withKey: number
  /** Why people got none, with how many. */
  refused: Record<string, number>
  /** Arrived while claims were closed, and would have waited too long for the opening. */
  tooEarly: { count: number; opensAfterMs: number }
  medianWaitSeconds: number
  longestWaitSeconds: number
  unserved: number
  unbound: number
  /** Of a file with `pause_on_runaway`. */
  runaway: Runaway | null
  /** After everything: what should have ended and did not, and money that does not add up. */
  leftOpen: number
  missingUsd: number
}

const minute = 60_000
/** Nobody stands before a closed page longer than this. */
const waitsMs = 30 * minute
const callMs = 120
const longestDrainMs = 25_000
const atOnce = pLimit(8)
const arrivals = [
  { after: -10 * minute, share: 0.1 },
  { after: 0, share: 0.6 },
  { after: 5 * minute, share: 0.2 },
  { after: 45 * minute, share: 0.1 },
]
const faults = [
  { match: 'POST /keys', fault: '429', rate: 0.25, times: 40, retryAfterSeconds: 1 },
  { match: 'POST /keys', fault: 'reset-after', rate: 0.05, times: 5 },
]

/** `comeAt` is when most people arrive; `world` knows the workshop and its clock still runs true. */
export async function playDay(
  real: World,
  workshop: Workshop,
  input: { people: number; comeAt: Date },
): Promise<Day> {
  const zone = workshop.timezone
  const timeline: Moment[] = []
  const world = onePlayedClock(real)
  const note = (text: string) => void timeline.push({ at: world.ctx.now(), text })
  const opens = workshop.claimsOpenAt
  const waves = wavesOf(workshop, input)
  const people = await peopleOf(world, workshop, input.people)
  const refused: Record<string, number> = {}
  const tooEarly = { count: 0, opensAfterMs: 0 }
  const waits: number[] = []
  let waiting: Claimant[] = []
  let unserved = 0

  const post = (body: object) => world.faults({ credits: 1_000_000, latencyMs: callMs, ...body })
  await world.travelBy(Math.min(waves[0]!.at.getTime(), input.comeAt.getTime()))
  await post({})
  const worker = await world.startWorkerHere(8)
  const steps = [...waves, ...(opens ? [{ at: opens, count: 0, isMain: false }] : [])].sort(
    (a, b) => a.at.getTime() - b.at.getTime(),
  )
  for (const step of steps) {
    await world.travelBy(step.at.getTime())
    const arriving = people.splice(0, step.count)
    const isOpening = opens !== null && step.at.getTime() === opens.getTime()
    const claimants = [...(isOpening ? waiting : []), ...arriving]
    if (isOpening) waiting = []
    if (claimants.length === 0) continue
    if (step.isMain) {
      await post({ seed: 7, rules: faults })
      note('The provider refuses a quarter of the calls with 429, and some answers are lost.')
    }
    const outcome = await claimTogether(world, workshop.slug, claimants)
    for (const [reason, those] of Object.entries(outcome.refused)) {
      const wait = (opens?.getTime() ?? 0) - step.at.getTime()
      if (reason !== 'not-open-yet') refused[reason] = (refused[reason] ?? 0) + those.length
      else if (wait <= waitsMs) waiting.push(...those)
      else {
        tooEarly.count += those.length
        tooEarly.opensAfterMs = Math.max(tooEarly.opensAfterMs, wait)
      }
    }
    waits.push(...outcome.waits)
    unserved += outcome.unserved
    if (step.isMain) await post({ rules: [] })
    note(`${waveText(claimants.length, outcome)}`)
  }
  await worker.stop()
  // Nobody waits any more: only time passes.
  await post({ latencyMs: 0 })
  unserved = await world.db.workshopAttendance.count({ where: { state: 'pending' } })
  // Accepted, and then refused where the key was to be made.
  const lost = await world.db.workshopAttendance.groupBy({
    by: ['reason', 'reasonDetail'],
    where: { state: 'refused' },
    _count: true,
  })
  for (const { reason, reasonDetail, _count } of lost) {
    const why = [reason, reasonDetail].filter(Boolean).join(': ')
    refused[why] = (refused[why] ?? 0) + _count
  }
  const unbound = await world.db.workshopAttendance.count({
    where: { state: 'ready', guardrailAttachedAt: null },
  })

  const runaway = await playRunaway(world, workshop, note)
  const ranAway = runaway?.claimId ?? null
  await spendByAll(world, 0.5, note, ranAway)
  const closes = workshop.claimsCloseAt
  if (closes) {
    await world.travelBy(closes.getTime() - 10 * minute)
    await spendByAll(world, 0.5, note, ranAway)
    await world.travelBy(closes.getTime())
    const [late] = await world.people(1, { provider: workshop.providers[0]! })
    const last = await claimKey(world.ctx, {
      workshopSlug: workshop.slug,
      person: late!,
      optIn: false,
    })
    note(
      last.kind === 'refused'
        ? 'Claims close; one who comes now is told so.'
        : 'Claims close, but one who came now got a key.',
    )
  }
  const end = await lastExpiry(world)
  if (end) {
    await world.travelBy(end.getTime() + 2 * minute)
    await letSettle(world)
    if ((await countUnsettled(world)) > 0) await letSettle(world)
  }
  const after = await booksAfter(world, workshop.slug)
  note(
    `Every key has ended at ${end ? clockIn(end, zone) : 'once'}: ${formatUsd(after.spent)} was spent, ` +
      `${counted(after.leftOpen, 'key')} not settled.`,
  )
  waits.sort((a, b) => a - b)
  return {
    timeline,
    people: input.people,
    withKey: waits.length,
    refused,
    tooEarly,
    medianWaitSeconds: waits[Math.floor(waits.length / 2)] ?? 0,
    longestWaitSeconds: waits.at(-1) ?? 0,
    unserved,
    unbound,
    runaway,
    leftOpen: after.leftOpen,
    missingUsd: after.missingUsd,
  }
}

/** Database, this process and the stand-in show one time. `travelBy` never goes back. */
function onePlayedClock(real: World) {
  let hasStarted = false
  const travel = async (ms: number) => {
    await real.travel(ms)
    await real.call('/__sim/clock', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ offsetMs: real.ctx.now().getTime() - Date.now() }),
    })
  }
  return {
    ...real,
    travel,
    /** The first step may lead into the past: a file of last year can be played too. */
    async travelBy(to: number) {
      const ms = to - real.ctx.now().getTime()
      if (ms > 0 || !hasStarted) await travel(ms)
      hasStarted = true
    },
  }
}

type PlayedWorld = ReturnType<typeof onePlayedClock>

function wavesOf(workshop: Workshop, { people, comeAt }: { people: number; comeAt: Date }) {
  let left = people
  const waves = arrivals.map(({ after, share }, index) => {
    const count =
      index === arrivals.length - 1 ? left : Math.min(left, Math.max(1, Math.round(people * share)))
    left -= count
    const closes = workshop.claimsCloseAt?.getTime() ?? Infinity
    // A short window has no room for those who come late.
    const opens = workshop.claimsOpenAt?.getTime() ?? comeAt.getTime()
    const at = comeAt.getTime() + after
    return { at: new Date(at > opens && at >= closes ? comeAt : at), count, isMain: index === 1 }
  })
  return waves.sort((a, b) => a.at.getTime() - b.at.getTime())
}

async function peopleOf(world: PlayedWorld, workshop: Workshop, count: number) {
  const groups = await Promise.all(
    workshop.providers.map((provider, index, all) =>
      world.people(Math.floor((count + index) / all.length), { provider }),
    ),
  )
  return groups.flat()
}

/** Claims of all at once, until each has a key or nothing moves any more. */
async function claimTogether(world: PlayedWorld, workshopSlug: string, people: Claimant[]) {
  const startedAt = performance.now()
  const refused: Record<string, Claimant[]> = {}
  const open = new Set<string>()
  await Promise.all(
    people.map(async (person) => {
      const outcome = await claimKey(world.ctx, { workshopSlug, person, optIn: false })
      if (outcome.kind === 'refused') (refused[outcome.reason] ??= []).push(person)
      else open.add(person.userId)
    }),
  )
  const claims = open.size
  const waits: number[] = []
  while (open.size > 0 && performance.now() - startedAt < longestDrainMs) {
    await sleep(100)
    const ready = await world.db.workshopAttendance.findMany({
      where: { userId: { in: [...open] }, keySavedAt: { not: null } },
      select: { userId: true },
    })
    for (const { userId } of ready)
      if (open.delete(userId)) waits.push((performance.now() - startedAt) / 1000)
  }
  // Keys are assigned in groups, a moment after they are saved.
  await sleep(waits.length > 0 ? 1_000 : 0)
  return { refused, waits, claims, unserved: open.size }
}

function waveText(
  count: number,
  outcome: { refused: Record<string, Claimant[]>; waits: number[]; claims: number },
): string {
  const longest = Math.max(0, ...outcome.waits)
  const parts = [`${counted(count, 'person', 'people')} at the page`]
  if (outcome.claims > 0)
    parts.push(`${counted(outcome.waits.length, 'key')} within ${longest.toFixed(1)} s`)
  if (outcome.claims > outcome.waits.length)
    parts.push(`${outcome.claims - outcome.waits.length} still wait`)
  for (const [reason, people] of Object.entries(outcome.refused))
    parts.push(`${people.length} refused: ${reasonText(reason)}`)
  return `${parts.join(', ')}.`
}

export const reasonText = (reason: string): string =>
  ({
    full: 'all seats are taken',
    'not-open-yet': 'claims are not open yet',
    closed: 'claims are closed',
    'wrong-provider': 'signed in elsewhere than the file allows',
    'switched-off': 'a giveaway needs MAX_TOTAL_KEYS',
  })[reason] ?? reason

/** Most spend a little, some all of it, and some nothing. */
async function spendByAll(
  world: PlayedWorld,
  most: number,
  note: (text: string) => void,
  exceptClaim: string | null,
) {
  const next = mulberry32(11)
  const claims = await world.db.workshopAttendance.findMany({
    where: {
      state: 'ready',
      orKeyHash: { not: null },
      ...(exceptClaim && { claimId: { not: exceptClaim } }),
    },
    select: { orKeyHash: true, limitUsd: true },
  })
  let total = 0
  const spending = claims.map(async ({ orKeyHash, limitUsd }) => {
    const share = next() < 0.2 ? 0 : next() < 0.1 ? most : most * next()
    const amount = Math.floor(Number(limitUsd) * share * 10_000) / 10_000
    total += amount
    if (amount > 0) await atOnce(() => spend(world, orKeyHash!, amount))
  })
  await Promise.all(spending)
  await readAll(world)
  note(`${counted(claims.length, 'key')} at work: $${total.toFixed(2)} more spent.`)
}

async function lastExpiry(world: PlayedWorld): Promise<Date | null> {
  const { _max } = await world.db.workshopAttendance.aggregate({ _max: { expiresAt: true } })
  return _max.expiresAt
}

const countUnsettled = (world: PlayedWorld) =>
  world.db.key.count({ where: { savedAt: { not: null }, settledAt: null } })

async function booksAfter(world: PlayedWorld, slug: string) {
  const leftOpen = await countUnsettled(world)
  const { keys } = await world.call<{ keys: { usage: number }[] }>('/__sim/keys')
  const spent = (await readAllCounters(world.db)).get(slug)?.spent ?? 0n
  const upstream = keys.reduce((sum, { usage }) => sum + usage, 0)
  return { leftOpen, spent, missingUsd: Math.abs(upstream - Number(spent) / 1e9) }
}
