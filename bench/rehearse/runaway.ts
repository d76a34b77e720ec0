/**
 * A key that runs away. With `pause_on_runaway` one key of the played day spends too fast, until it
 * is put on hold and its owner lets it go on. Without it, how soon a loop would empty a key is
 * worked out from the prices of the file's models.
 */
import { findClaimView } from '~/domain/claim/claim-view.server'
import { goOn, holdRunaways } from '~/domain/claim/runaway.server'
import type { Workshop } from '~/domain/workshop-file'
import { formatUsd, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { ModelPlan } from '../../app/cli/plan/models'
import { spend } from '../../tests/claims'
import { applyAll, readAll } from '../../tests/engine'
import type { World } from '../../tests/world'

/** What became of the key that was let run away. */
export type Runaway = {
  claimId: string
  perMinute: NanoUsd
  /** Null: it was not put on hold. */
  heldAfterSeconds: number | null
  left: NanoUsd
  limit: NanoUsd
  /** Disabled at the provider while it was on hold. */
  wasOff: boolean
  /** Works at the provider after its owner let it go on. */
  goesOn: boolean
}

/** As often as a suspicious key is read. */
const stepSeconds = 30
const maxSteps = 8

/** Null where the file has no `pause_on_runaway`, or nobody has a key. */
export async function playRunaway(
  world: World,
  workshop: Workshop,
  note: (text: string) => void,
): Promise<Runaway | null> {
  const minutes = workshop.pauseOnRunawayMinutes
  const claim = await world.db.workshopAttendance.findFirst({
    where: { state: 'ready', orKeyHash: { not: null } },
    orderBy: { claimId: 'asc' },
  })
  if (minutes === null || claim === null) return null
  const owner = { workshopSlug: workshop.slug, userId: claim.userId }
  const hash = claim.orKeyHash!
  const limit = nanoFromDecimalString(claim.limitUsd.toString())
  // A little more than what the file calls too fast.
  const perMinute = (limit * 11n) / (10n * BigInt(minutes))
  const perStep = (perMinute * BigInt(stepSeconds)) / 60n
  const made: Runaway = {
    claimId: claim.claimId,
    perMinute,
    heldAfterSeconds: null,
    left: limit,
    limit,
    wasOff: false,
    goesOn: false,
  }
  const isOff = async () => (await world.ctx.provider.findKey(hash))?.disabled ?? true
  const lookAt = async () => {
    await readAll(world)
    await holdRunaways(world.ctx)
    await applyAll(world)
    return (await findClaimView(world.ctx, owner))?.key?.hold ?? null
  }

  await lookAt()
  for (let step = 1; step <= maxSteps; step++) {
    if (made.left < perStep) break
    await spend(world, hash, Number(perStep) / 1e9)
    made.left -= perStep
    await world.travel(stepSeconds * 1000)
    const hold = await lookAt()
    if (hold === null) continue
    made.heldAfterSeconds = step * stepSeconds
    made.wasOff = await isOff()
    note(
      `One key spends ${formatUsd(perMinute)} a minute: ${saidSeconds(made.heldAfterSeconds)} later ` +
        `it is on hold with ${formatUsd(made.left)} left, and its page says why.`,
    )
    const outcome = await goOn(world.ctx, owner, hold.id)
    await applyAll(world)
    made.goesOn = outcome === 'goes-on' && !(await isOff())
    note(
      made.goesOn
        ? 'Its owner presses “Go on”, and it works again.'
        : 'Its owner presses “Go on”, and it does not work.',
    )
    return made
  }
  note(`One key spends ${formatUsd(perMinute)} a minute, and nothing holds it.`)
  return made
}

const saidSeconds = (seconds: number): string =>
  seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`

export type Loop = { model: string; perMinute: NanoUsd; emptyAfterMinutes: number }

/** A script that calls without end: long prompts, short answers, twelve calls a minute. */
const loop = { promptTokens: 20_000n, completionTokens: 1_000n, callsPerMinute: 12n }

/** How soon a loop on the file's dearest model empties a key. Null where no price is known. */
export function fastestLoop(
  models: readonly Pick<ModelPlan, 'id' | 'promptPerMillion' | 'completionPerMillion'>[],
  keyLimit: NanoUsd,
): Loop | null {
  let fastest: Loop | null = null
  for (const { id, promptPerMillion, completionPerMillion } of models) {
    const perMinute =
      (loop.callsPerMinute *
        (loop.promptTokens * (promptPerMillion ?? 0n) +
          loop.completionTokens * (completionPerMillion ?? 0n))) /
      1_000_000n
    if (perMinute > (fastest?.perMinute ?? 0n))
      fastest = {
        model: id,
        perMinute,
        emptyAfterMinutes: Math.max(1, Number(keyLimit / perMinute)),
      }
  }
  return fastest
}
