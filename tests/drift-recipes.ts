/** Everything in which a key at the provider and its row can come to differ, made at random. */
import { randomUUID } from 'node:crypto'
import type { DriftKind } from '~/domain/keys/drift'
import type { World } from './world'
import type { Rng } from './rng'
import type { SeededClaim } from './seed-claims'

export const json = (method: string, body?: object): RequestInit => ({
  method,
  headers: { 'content-type': 'application/json' },
  ...(body ? { body: JSON.stringify(body) } : {}),
})
export const manage = (world: World, path: string, method: string, body?: object) =>
  world.call(`/api/v1${path}`, {
    ...json(method, body),
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${world.upstream.managementKey}`,
    },
  })
export const seedKey = async (world: World, body: object) =>
  (await world.call<{ keys: { hash: string }[] }>('/__sim/keys', json('POST', { keys: [body] })))
    .keys[0]!.hash
export type LedgerKey = { hash: string; name: string; deleted_at: string | null }
export const ledger = async (world: World) =>
  (await world.call<{ keys: LedgerKey[] }>('/__sim/keys')).keys
const update = (world: World, claim: SeededClaim, data: object) =>
  world.db.key.update({ where: { id: claim.keyId }, data })
/** Its claim has ended, and the provider confirmed the key off; then somebody enabled it there. */
const over = async (world: World, claim: SeededClaim, data: object) => {
  const past = new Date(Date.now() - 3_600_000)
  await update(world, claim, { closedAt: past, seenOff: true, sealed: null, ...data })
  await world.db.workshopAttendance.update({
    where: { claimId: claim.claimId },
    data: { state: 'ended', reason: 'revoked', endedAt: past },
  })
}

export type Expected = { kind: DriftKind; about: string; repairable: boolean }

/**
 * What can go wrong with one key, whose file says that it ends `soon`; each takes a healthy claim
 * or makes a key of its own, and says what reconcile should find.
 */
export function driftRecipes(
  world: World,
  healthy: SeededClaim[],
  rng: Rng,
  soon: Date,
): (() => Promise<Expected>)[] {
  const prefix = `km/${world.ctx.installationId}/lifetime/`
  const lostAttempt = async (state: string, change: object = {}) => {
    const [id, mint] = [
      randomUUID(),
      await world.db.mint.findFirstOrThrow({ where: { state: 'done', scope: 'lifetime' } }),
    ]
    await world.db.mintAttempt.create({
      data: {
        id,
        mintId: mint.id,
        token: randomUUID(),
        name: prefix + id,
        state,
        sentAt: new Date(Date.now() - 600_000),
        ...change,
      },
    })
    return { hash: await seedKey(world, { name: prefix + id, limit: 2 }), id }
  }
  const onHealthy =
    (kind: DriftKind, repairable: boolean, make: (claim: SeededClaim) => Promise<unknown>) =>
    async (): Promise<Expected> => {
      const claim = rng.take(healthy)
      await make(claim)
      return { kind, about: claim.hash, repairable }
    }
  const past = new Date(Date.now() - 3_600_000)
  return [
    async () => ({
      kind: 'orphan',
      about: (await lostAttempt(rng.pick(['unknown', 'refused', 'condemned', 'sent']))).hash,
      repairable: true,
    }),
    async () => {
      const { hash, id } = await lostAttempt('unknown')
      // Its own mint, because of one mint one attempt at most is saved.
      const { id: _old, ...mint } = await world.db.mint.findFirstOrThrow()
      const left = await world.db.mint.create({
        data: { ...mint, options: {}, holderId: randomUUID(), scope: 'lifetime' },
      })
      await world.db.$executeRaw`
          update keymint.mint_attempts set state = 'saved', key_hash = ${hash}, mint_id = ${left.id}::uuid
            where id = ${id}::uuid`
      return { kind: 'orphan', about: hash, repairable: true }
    },
    onHealthy('dangling', true, (claim) => manage(world, `/keys/${claim.hash}`, 'DELETE')),
    onHealthy('unbound', true, async (claim) => {
      const row = await world.db.workshopAttendance.findUniqueOrThrow({
        where: { claimId: claim.claimId },
      })
      await manage(world, `/guardrails/${row.orGuardrailId}/assignments/keys/remove`, 'POST', {
        key_hashes: [claim.hash],
      })
      if (rng.below(2) === 0)
        await update(world, claim, {
          guardrailAt: null,
          bindSetAside: true,
          bindError: 'The provider had an internal error (500).',
        })
    }),
    onHealthy('unbound', true, (claim) => update(world, claim, { guardrailAt: null })),
    onHealthy('disabled', true, (claim) =>
      manage(world, `/keys/${claim.hash}`, 'PATCH', { disabled: true }),
    ),
    onHealthy('disabled', true, (claim) => over(world, claim, { offEndedAt: past })),
    onHealthy('disabled', true, (claim) =>
      over(world, claim, { offEndedAt: past, expiresAt: past }),
    ),
    onHealthy('disabled', true, (claim) => over(world, claim, { offReplacedAt: past })),
    onHealthy('disabled', true, (claim) =>
      update(world, claim, { offStaffAt: past, seenOff: true }),
    ),
    onHealthy('wrong-limit', true, (claim) =>
      manage(world, `/keys/${claim.hash}`, 'PATCH', { limit: 3 + rng.below(100) / 10 }),
    ),
    onHealthy('wrong-limit', true, (claim) =>
      manage(world, `/keys/${claim.hash}`, 'PATCH', { limit_reset: 'weekly' }),
    ),
    onHealthy('wrong-limit', true, async (claim) => {
      const limitUsd = '1.123456789'
      await update(world, claim, { limitUsd })
      await world.db.workshopAttendance.update({
        where: { claimId: claim.claimId },
        data: { limitUsd },
      })
    }),
    onHealthy('wrong-expiry', false, (claim) =>
      update(world, claim, { expiresAt: new Date(soon.getTime() + 3_600_000) }),
    ),
    async () => ({
      kind: 'unexplained',
      about: await seedKey(world, { name: prefix + randomUUID() }),
      repairable: false,
    }),
    async () => ({
      kind: 'unexplained',
      about: await seedKey(world, { name: rng.pick(healthy).name }),
      repairable: false,
    }),
  ]
}
