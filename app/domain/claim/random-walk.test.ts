/**
 * A seeded walk through everything that can happen to claims, with lost answers on the way; the
 * books are checked after each step.
 */
import { listAllKeys } from '~/adapters/key-provider'
import { expect, test } from 'vitest'
import type { ClaimAction } from '~/domain/claim/actions'
import { claimKey } from '~/domain/claim/claim.server'
import { sweep } from '~/domain/operations/sweep.server'
import {
  act,
  claimRow,
  expectPoolToAddUp,
  mintAll,
  poolNow,
  readyClaims,
  spend,
  worstUpstream,
} from '../../../tests/claims'
import { rounds } from '../../../tests/rounds'
import { mulberry32 } from '../../../tests/rng'
import { letSettle, readAll, travel, work } from '../../../tests/engine'
import { makeWorkshop, openWorld, usd } from '../../../tests/world'

const poolLimit = 16

const walks = Array.from({ length: rounds(20) }, (_, index) => index + 1)

/** Beside it an extension's old key works for its grace time, with its small allowance. */
const isCounted = (key: { withoutReset: boolean }) => !key.withoutReset

test.each(walks)(
  'walk %i: the pool is never passed, nothing can be spent that is not reserved, and nobody has two keys',
  async (seed) => {
    await using world = await openWorld({
      workshops: [
        makeWorkshop({
          poolLimit: usd(poolLimit),
          // The walk moves the clock; claims stay open to its end.
          claimsCloseAt: new Date(Date.now() + 5 * 86_400_000),
          keyExpiresAt: new Date(Date.now() + 4 * 86_400_000),
        }),
      ],
    })
    const claims = await readyClaims(world, 5)
    const next = mulberry32(seed)
    const random = (below: number) => Math.floor(next() * below)
    let ends = Date.now() + 4 * 86_400_000
    const actions: (() => ClaimAction)[] = [
      () => ({ kind: 'set-limit', limit: usd(0.5 + random(8) / 2) }),
      () => ({ kind: 're-issue' }),
      () => ({ kind: 'extend', expiresAt: new Date((ends += 3_600_000)) }),
      () => ({ kind: 'disable' }),
      () => ({ kind: 'enable' }),
      () => ({ kind: 'revoke', mayClaimAgain: random(3) > 0 }),
      () => ({ kind: 'retry' }),
      () => ({ kind: 'bind' }),
    ]
    const bag: typeof actions = []
    const failure = {
      seed,
      rules: [
        { match: 'PATCH /keys/*', fault: 'reset-after', rate: 0.2 },
        { match: 'PATCH /keys/*', fault: '503', rate: 0.1 },
        { match: 'GET /keys/*', fault: 'reset-before', rate: 0.1 },
      ],
    }
    for (let step = 0; step < 25; step++) {
      // Whose key was taken back for good makes room for somebody else, while the pool has any.
      if ((await world.db.workshopAttendance.count({ where: { state: 'ready' } })) < 3) {
        const [person] = await world.people(1)
        const claimed = await claimKey(world.ctx, {
          workshopSlug: 'test-workshop',
          person: person!,
          optIn: false,
        })
        if (claimed.kind === 'queued') {
          await mintAll(world)
          const row = await world.db.workshopAttendance.findFirstOrThrow({
            where: { userId: person!.userId },
          })
          claims.push({ ...row, hash: row.orKeyHash ?? '', person: person! })
        }
      }
      await world.faults({ ...failure, seed: seed * 100 + step })
      const chosen = claims.filter(() => random(2) === 0)
      // Each kind once before any comes again.
      if (bag.length === 0) bag.push(...actions)
      const action = bag.splice(random(bag.length), 1)[0]!()
      if (chosen.length > 0) await act(world, action, chosen)
      for (const claim of claims) {
        const key = await world.db.workshopAttendance.findUniqueOrThrow({
          where: { claimId: claim.claimId },
        })
        const upstream =
          key.orKeyHash === null || random(3) > 0
            ? null
            : (await listAllKeys(world.ctx.provider)).find((one) => one.hash === key.orKeyHash)
        const left =
          upstream?.disabled === false && upstream.limitRemaining !== null
            ? Number(upstream.limitRemaining) / 1e9
            : 0
        // All of it now and then, and mostly so little that there is something to act on later.
        const share = random(4) === 0 ? 1 : (1 + random(4)) / 12
        if (left > 0.01) await spend(world, upstream!.hash, Math.floor(left * share * 100) / 100)
        if (random(2) === 0)
          await claimKey(world.ctx, {
            workshopSlug: 'test-workshop',
            person: claim.person,
            optIn: false,
          })
      }
      if (random(2) === 0) await mintAll(world)
      if (random(4) === 0) {
        await travel(world, 40 * 60_000)
        await sweep(world.ctx)
        await readAll(world)
        await work(world)
      }
      await world.clearFaults()
      const where = `seed ${seed}, step ${step}, ${action.kind}`
      await expectPoolToAddUp(world)
      expect((await poolNow(world)).committed, where).toBeLessThanOrEqual(poolLimit)
      const live = (await listAllKeys(world.ctx.provider)).filter((key) => !key.disabled)
      for (const claim of claims) {
        const row = await claimRow(world, claim)
        const keys = await world.db.key.findMany({ where: { holderId: claim.claimId } })
        // What a rounding to a millionth leaves is the floor of a used-up window.
        const dust = 0.000001 * keys.length
        expect(await worstUpstream(world, claim), where).toBeLessThanOrEqual(
          row.committedUsd.toNumber() + dust,
        )
        expect(
          live.filter((each) => keys.some((key) => key.hash === each.hash && isCounted(key)))
            .length,
          where,
        ).toBeLessThanOrEqual(1)
      }
      const accounted = new Set((await world.db.key.findMany()).map((key) => key.hash))
      expect(
        live.filter((key) => !accounted.has(key.hash)),
        where,
      ).toEqual([])
    }
    // Nothing happens any more: the provider is as wanted, and nothing that ended here is enabled there.
    await travel(world, 11 * 60_000)
    await letSettle(world)
    await letSettle(world)
    const rows = await world.db.key.findMany({ where: { savedAt: { not: null } } })
    for (const key of rows) {
      const upstream = await world.ctx.provider.findKey(key.hash!)
      const isOff = key.offEndedAt ?? key.offReplacedAt ?? key.offStaffAt
      if (isOff !== null || upstream === null)
        expect(upstream?.disabled ?? true, `seed ${seed}, ${key.hash}`).toBe(true)
      else
        expect([upstream.disabled, Number(upstream.limit) / 1e9], `seed ${seed}`).toEqual([
          false,
          key.limitUsd.toNumber(),
        ])
      if (key.offEndedAt ?? key.offReplacedAt) expect(key.settledAt, `seed ${seed}`).not.toBeNull()
    }
    expect(
      rows.filter((key) => key.closedAt === null && (key.callSentAt ?? key.doubtUntil) !== null),
    ).toEqual([])
    await expectPoolToAddUp(world)
    // A walk in which nothing happened would prove nothing.
    expect(
      new Set(
        (
          await world.db.bulkActionItem.findMany({
            where: { state: 'done' },
            include: { bulk: true },
          })
        ).map((item) => item.bulk.kind),
      ).size,
    ).toBeGreaterThan(4)
    expect(await world.db.key.count({ where: { generation: { gt: 1 } } })).toBeGreaterThan(1)
  },
  180_000,
)
