/** Claims for tests: people with keys, and staff who act on them, without a worker of their own. */
import { expect } from 'vitest'
import { bindKeys } from '~/domain/keys/bind.server'
import { readBulk } from '~/domain/bulk/bulk.server'
import { bulkKinds } from '~/domain/staff/kinds.server'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import type { ClaimAction, ClaimSelection } from '~/domain/claim/actions'
import { startClaimAction } from '~/domain/claim/claim-actions.server'
import { claimKey } from '~/domain/claim/claim.server'
import { runMint } from '~/domain/keys/mint.server'
import { applyAll } from './engine'
import type { World } from './world'

const staff = 'github:staff'

/** Mints and binds whatever waits. */
export async function mintAll(world: World) {
  const mints = await world.db.mint.findMany({ where: { state: 'pending' } })
  for (const mint of mints) await runMint(world.ctx, mint.id)
  await bindKeys(
    world.ctx,
    mints.map((mint) => mint.id),
  )
}

/** So many people with a live, bound key each, in the order of their claims. */
export async function readyClaims(world: World, count: number, workshopSlug = 'test-workshop') {
  const people = await world.people(count)
  for (const person of people) await claimKey(world.ctx, { workshopSlug, person, optIn: false })
  await mintAll(world)
  const claims = await world.db.workshopAttendance.findMany({
    where: { userId: { in: people.map((person) => person.userId) }, state: 'ready' },
    orderBy: { attendedAt: 'asc' },
  })
  expect(claims).toHaveLength(count)
  return claims.map((claim) => ({
    ...claim,
    hash: claim.orKeyHash ?? '',
    person: people.find((person) => person.userId === claim.userId)!,
  }))
}

export async function startAction(
  world: World,
  action: ClaimAction,
  selection: ClaimSelection,
  workshopSlug = 'test-workshop',
): Promise<string> {
  const started = await startClaimAction(world.ctx, {
    actorUserId: staff,
    workshopSlug,
    action,
    selection,
    reason: 'a test',
  })
  if (started.kind !== 'started') throw new Error(started.reason)
  return started.bulkId
}

/** Runs the action as the queue would, without its waits. */
export async function runToEnd(world: World, bulkId: string) {
  for (let runs = 0; runs < 60; runs++) {
    const outcome = await runBulk(world.ctx, bulkId, bulkKinds)
    await applyAll(world)
    if (outcome.kind === 'done') return (await readBulk(world.ctx, bulkId))!
    await world.db
      .$executeRaw`update keymint.bulk_action_items set not_before = null where bulk_id = ${bulkId}::uuid`
  }
  throw new Error('the action does not come to an end')
}

/** What staff do to these claims, from the press of the button to the last item. */
export async function act(world: World, action: ClaimAction, claims: { claimId: string }[]) {
  return runToEnd(
    world,
    await startAction(world, action, { claimIds: claims.map((claim) => claim.claimId) }),
  )
}

export const claimRow = async (world: World, claim: { claimId: string }) =>
  world.db.workshopAttendance.findUniqueOrThrow({ where: { claimId: claim.claimId } })
export const spend = (world: World, hash: string, amount: number) =>
  world.call('/__sim/spend', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hash, usd: amount }),
  })
export const poolNow = async (world: World) => {
  const pool = await world.db.pool.findFirstOrThrow()
  return { committed: pool.committedUsd.toNumber(), seats: pool.seats }
}

/** The pool is the sum of its claims and spares, each the sum of its keys; a seat is what a claim holds. */
export async function expectPoolToAddUp(world: World) {
  const rows = await world.db.$queryRaw<{ fault: string }[]>`
    select 'pool ' || p.workshop_slug as fault from keymint.pools p
    left join (select workshop_slug, sum(committed_usd) as committed, count(*)
      filter (where seat_freed_at is null) as seats from keymint.workshop_attendance group by 1) c
      using (workshop_slug)
    left join (select workshop_slug, sum(committed_usd) as committed from keymint.spares group by 1) s
      using (workshop_slug)
    where p.committed_usd <> coalesce(c.committed, 0) + coalesce(s.committed, 0)
      or p.seats <> coalesce(c.seats, 0)
    union all
    select 'claim ' || c.claim_id from keymint.workshop_attendance c
    where c.committed_usd <> (select coalesce(sum(greatest(w.reserved_usd, w.used_usd)), 0)
      from keymint.keys k join keymint.key_windows w on w.key_id = k.id where k.holder_id = c.claim_id)
    union all
    select 'spare ' || s.id from keymint.spares s
    where s.committed_usd <> (select coalesce(sum(greatest(w.reserved_usd, w.used_usd)), 0)
      from keymint.keys k join keymint.key_windows w on w.key_id = k.id where k.holder_id = s.id)`
  expect(rows).toEqual([])
}

/**
 * What all keys of a claim have used and could still spend upstream now, in USD, for keys without a
 * reset.
 */
export async function worstUpstream(world: World, claim: { claimId: string }): Promise<number> {
  const row = await claimRow(world, claim)
  const retired = await world.db.key.findMany({
    where: { holderId: claim.claimId, generation: { lt: row.generation } },
  })
  let worst = 0
  for (const hash of [row.orKeyHash, ...retired.map((key) => key.hash)]) {
    const key = hash === null ? null : await world.ctx.provider.findKey(hash)
    if (!key) continue
    const left =
      key.disabled || key.limitRemaining === null || key.limitRemaining < 0n
        ? 0n
        : key.limitRemaining
    worst += Number(key.usage + left) / 1e9
  }
  return worst
}
