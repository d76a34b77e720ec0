/** The steps that situations are built with, in a world's own database. */
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { pauseMinting } from '~/domain/keys/pause.server'
import { pauseQueue } from '~/domain/operations/paused-queues.server'
import type { Workshop } from '~/domain/workshop-file'
import type { World } from '../world'

export const slug = 'test-workshop'

export type Situation = {
  name: string
  workshop?: Partial<Workshop>
  provisioningEnabled?: boolean
  /** Without it there is one worker. */
  workers?: 'none'
  build: (world: World) => Promise<unknown>
  /**
   * `workshop` is the sentence of its own page; absent where that leads with its claims.
   * `readiness` names the checks that are not fine, `metrics` the findings that are counted.
   */
  says: {
    overview: string
    workshop?: string
    queue?: string
    readiness?: string[]
    metrics?: string[]
  }
}

export const claimFor = async (world: World, count: number) => {
  for (const person of await world.people(count))
    await claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })
}
export const mintAll = async (world: World) => {
  for (const mint of await world.db.mint.findMany({ where: { state: 'pending' } }))
    await runMint(world.ctx, mint.id)
}
export const wait = (world: World, seconds: number) =>
  world.db
    .$executeRaw`update keymint.mints set queued_at = now() - make_interval(secs => ${seconds}::int)
    where state = 'pending'`
export const refuse = async (world: World, count: number) => {
  await world.faults({
    rules: [{ match: 'POST /keys', fault: 'refuse', status: 400, message: 'no such model' }],
  })
  await claimFor(world, count)
  await mintAll(world)
  await world.faults({ rules: [] })
}
export const coolDown = (world: World, reason: string, status: number) =>
  world.db
    .$executeRaw`update keymint.accounts set cooldown_until = now() + interval '30 s', reason = ${reason},
    cause = ${JSON.stringify({ reason, status })}::jsonb`
/** At the provider and in the reading that is kept of it. */
export const credits = async (world: World, left: number) => {
  await world.faults({ credits: left })
  await world.db
    .$executeRaw`update keymint.account_readings set credits_total = ${left}::numeric, credits_used = 0,
    read_at = now()`
}
export const inDays = (days: number) => new Date(Date.now() + days * 86_400_000)
export const failedAttempts = (world: World, count: number, minutesAgo: number) =>
  world.db.$executeRaw`
    insert into keymint.mint_attempts (id, mint_id, token, name, state, outcome, sent_at, settled_at, resolved_at)
    select gen_random_uuid(), id, gen_random_uuid(), 'lost/' || gen_random_uuid(), 'unknown', 'timeout',
      now() - make_interval(mins => ${minutesAgo}::int), now(), now()
    from (select id from keymint.mints limit 1) m, generate_series(1, ${count}::int)`

/** The newest that was made, so many hours ago; a failed try after it where there is an error. */
export const backups = async (world: World, madeHoursAgo: number | null, error?: string) => {
  type Outcome = { file?: string; bytes?: bigint; rows?: bigint; error?: string }
  const add = (hoursAgo: number, outcome: Outcome) => {
    const at = new Date(Date.now() - hoursAgo * 3_600_000)
    return world.db.backup.create({ data: { startedAt: at, finishedAt: at, ...outcome } })
  }
  if (madeHoursAgo !== null) {
    await add(madeHoursAgo, { file: 'keymint.sql.gz.age', bytes: 9n, rows: 9n })
  }
  if (error) await add(0, { error })
}

export const stopped = 'Key creation is paused by github:staff: Back at two.'
export const pause = (world: World) =>
  pauseMinting(world.ctx, { actorUserId: 'github:staff', reason: 'Back at two.' })
/** A queue that is not the gate of all keys. */
export const pauseJobs = (world: World, name: 'mint-key' | 'apply-key') =>
  pauseQueue(world.ctx, {
    name,
    actorUserId: 'github:staff',
    reason: 'Back at two.',
    typed: name,
  })
