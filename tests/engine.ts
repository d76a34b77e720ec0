/**
 * The engine without its queue: runs what jobs would run until nothing is left, and moves its time.
 */
import { applyKey } from '~/domain/keys/apply.server'
import { bindKeys } from '~/domain/keys/bind.server'
import { runMint } from '~/domain/keys/mint.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { closeExpired, expireKeys } from '~/domain/keys/expiry.server'
import { endGraced, moveDueLimits, waitsForApply } from '~/domain/keys/wake.server'
import type { World } from './world'

/** Moves the engine's time in this world's own database, and the clock of this process with it. */
export const travel = (world: Pick<World, 'travel'>, ms: number): Promise<void> => world.travel(ms)

/** Applies what is wanted of every key, as the queue would; what is refused is left for later. */
export async function applyAll(world: World): Promise<void> {
  const keys = await world.db.$queryRaw<{ id: string }[]>`
    select k.id from keymint.keys k where ${waitsForApply}`
  for (const { id } of keys) await applyKey(world.ctx, id, { ignoreBackoff: true })
}

/** Everything that is due now: applies, mints, assigns. */
export async function work(world: World): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await expireKeys(world.ctx)
    await closeExpired(world.ctx)
    await endGraced(world.ctx)
    await moveDueLimits(world.ctx)
    await applyAll(world)
    await world.db.$executeRaw`update keymint.mints set not_before = null where state = 'pending'`
    const mints = await world.db.mint.findMany({ where: { state: 'pending' } })
    for (const mint of mints) await runMint(world.ctx, mint.id)
    await bindKeys(
      world.ctx,
      mints.map((mint) => mint.id),
    )
    const [left] = await world.db.$queryRaw<{ found: boolean }[]>`
      select exists (select 1 from keymint.keys where saved_at is not null and deleted_at is null
        and revision <> seen_revision and not (off_ended_at is not null and expiry_echoed))
        or exists (select 1 from keymint.mints where state = 'pending') as found`
    if (!left?.found) return
  }
}

/** Reads every account, as the minute's schedule does. */
export async function readAll(world: World): Promise<void> {
  const accounts = await world.db.account.findMany()
  for (const { id } of accounts) await readAccount(world.ctx, id)
}

/** Lets eight minutes pass in steps, reading and working in each: what is closed settles. */
export async function letSettle(world: World): Promise<void> {
  await work(world)
  for (const seconds of [35, 35, 65, 305, 65]) {
    await travel(world, seconds * 1000)
    await readAll(world)
    await work(world)
  }
}
