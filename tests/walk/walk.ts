/**
 * The walk: so many operations by the seed, the invariants after each of them, and once more when
 * nobody acts and nothing fails any more.
 */
import { randomUUID } from 'node:crypto'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { keepSpares } from '~/domain/claim/spares.server'
import { replaceOwnKey } from '~/domain/claim/replace-key.server'
import type { ClaimAction } from '~/domain/claim/actions'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import { applyKey } from '~/domain/keys/apply.server'
import { runMint } from '~/domain/keys/mint.server'
import { readAccount } from '~/domain/keys/read-account.server'
import { closeExpired, expireKeys } from '~/domain/keys/expiry.server'
import { deleteOldKeys, endGraced, moveDueLimits } from '~/domain/keys/wake.server'
import { rollMonths, setBudget } from '~/domain/money/budgets.server'
import {
  changeCap,
  deleteSubKey,
  provisionSubKey,
  rotateSubKey,
} from '~/domain/team/sub-key.server'
import { bulkKinds } from '~/domain/staff/kinds.server'
import { startAction } from '../claims'
import type { Template } from '../database'
import { usd } from '../world'
import { untilCrash } from './crash'
import { checkQuiet, checkWalk } from './walk-checks'
import { openWalk, type WalkWorld } from './walk-world'

export type Walked = {
  operations: Map<string, number>
  faults: Map<string, number>
  calls: number
  /** Pre-minted keys that a claim took. */
  taken: number
}

export async function walk(seed: number, operations: number, template?: Template): Promise<Walked> {
  await using walking = await openWalk(seed, template)
  const done = new Map<string, number>()
  const total = steps.reduce((sum, [, weight]) => sum + weight, 0)
  const log: string[] = []
  // The first claims find a stock; what becomes of it later is up to the seed.
  walking.premint(3)
  await keepSpares(walking.ctx)
  await workers(walking)
  for (let index = 0; index < operations; index++) {
    walking.failEvery(index % 7 === 0 ? 0 : 4)
    walking.service.lagMs = walking.below(4) * 15_000
    // The clock of a process is not Postgres's.
    walking.skew((walking.below(5) - 2) * 60_000)
    let pick = walking.below(total)
    const [name, , run] = steps.find(([, weight]) => (pick -= weight) < 0) ?? steps[0]!
    log.push(name)
    try {
      await run(walking)
      await checkWalk(walking)
      if (index % 250 === 249) await rest(walking)
    } catch (error) {
      throw new Error(
        `operation ${index} (${name}) of seed ${seed}, after ${log.slice(-12).join(', ')}: ` +
          (error instanceof Error ? error.message : String(error)),
        { cause: error },
      )
    }
    done.set(name, (done.get(name) ?? 0) + 1)
  }
  await rest(walking)
  return {
    operations: done,
    faults: walking.service.happened,
    calls: walking.service.calls,
    taken: await walking.db.spare.count({ where: { state: 'taken' } }),
  }
}

type Step = (walking: WalkWorld) => Promise<unknown>

const anyOf = <T>(walking: WalkWorld, items: readonly T[]): T | undefined =>
  items.length === 0 ? undefined : items[walking.below(items.length)]

const claims = (walking: WalkWorld) =>
  walking.db.workshopAttendance.findMany({ orderBy: { attendedAt: 'asc' } })

const staff =
  (action: (walking: WalkWorld) => ClaimAction): Step =>
  async (walking) => {
    const claim = anyOf(walking, await claims(walking))
    if (!claim) return
    const bulkId = await startAction(
      walking.world,
      action(walking),
      { claimIds: [claim.claimId] },
      'walk',
    )
    await untilCrash(() => runBulk(walking.ctx, bulkId, bulkKinds))
  }

const onSubKey =
  (
    run: (
      walking: WalkWorld,
      actor: { teamId: string; keyId: string; userId: string },
    ) => Promise<unknown>,
  ): Step =>
  async (walking) => {
    const key = anyOf(
      walking,
      await walking.db.apiKey.findMany({
        where: { state: { in: ['pending', 'ready'] } },
        orderBy: { createdAt: 'asc' },
      }),
    )
    if (key) await run(walking, { teamId: walking.teamId, keyId: key.id, userId: key.userId })
  }

/** Two workers over everything that waits, taking turns. */
async function workers(walking: WalkWorld, options: { ignoreBackoff?: boolean } = {}) {
  await expireKeys(walking.ctx)
  await closeExpired(walking.ctx)
  await endGraced(walking.ctx)
  await moveDueLimits(walking.ctx)
  await deleteOldKeys(walking.ctx)
  const keys = await walking.db.$queryRaw<{ id: string }[]>`
    select id from keymint.keys where saved_at is not null and deleted_at is null
      and (revision <> seen_revision or delete_wanted or doubt_until <= keymint.now()
        or (closed_at is null and (off_ended_at is not null or off_replaced_at is not null)))
    order by saved_at, id`
  await walking.db.$executeRaw`update keymint.mints set not_before = null where state = 'pending'`
  await walking.db.$executeRaw`
    update keymint.accounts set cooldown_until = null, failures = 0, probe_at = null`
  const mints = await walking.db.mint.findMany({
    where: { state: 'pending' },
    orderBy: { queuedAt: 'asc' },
  })
  const work = [
    ...mints.map(
      ({ id }) =>
        () =>
          untilCrash(() => runMint(walking.ctx, id)),
    ),
    ...keys.map(
      ({ id }) =>
        () =>
          untilCrash(() => applyKey(walking.ctx, id, options)),
    ),
  ]
  // Both take everything, so that they meet at the same rows.
  const all = async () => {
    for (const one of work) await one()
  }
  await walking.turns.run([all, all])
}

async function readAccounts(walking: WalkWorld) {
  for (const { id } of await walking.db.account.findMany({ orderBy: { id: 'asc' } }))
    await untilCrash(() => readAccount(walking.ctx, id))
}

const steps: [name: string, weight: number, run: Step][] = [
  [
    'claim',
    8,
    async (walking) => {
      const person = anyOf(walking, walking.people)!
      await walking.withAssigned(() =>
        claimKey(walking.ctx, { workshopSlug: 'walk', person, optIn: false }),
      )
    },
  ],
  [
    'spares',
    5,
    async (walking) => {
      // The file asks for more, for fewer or for none: whatever is asked, the money is there.
      if (walking.below(3) === 0) walking.premint(walking.below(4))
      await untilCrash(() => keepSpares(walking.ctx))
    },
  ],
  [
    'give back',
    4,
    async (walking) => {
      const claim = anyOf(walking, await claims(walking))
      if (claim) await giveBack(walking.ctx, claim)
    },
  ],
  [
    'replace',
    3,
    async (walking) => {
      const person = anyOf(walking, walking.people)!
      await replaceOwnKey(walking.ctx, { workshopSlug: 'walk', userId: person.userId })
      for (const { id } of await walking.db.bulkAction.findMany({ where: { finishedAt: null } }))
        await untilCrash(() => runBulk(walking.ctx, id, bulkKinds))
    },
  ],
  ['disable', 3, staff(() => ({ kind: 'disable' }))],
  ['enable', 4, staff(() => ({ kind: 'enable' }))],
  ['set limit', 5, staff(({ below }) => ({ kind: 'set-limit', limit: usd(0.5 + below(6) / 2) }))],
  ['re-issue', 3, staff(() => ({ kind: 're-issue' }))],
  ['revoke', 3, staff(({ below }) => ({ kind: 'revoke', mayClaimAgain: below(3) > 0 }))],
  ['retry', 2, staff(() => ({ kind: 'retry' }))],
  [
    'extend',
    3,
    staff(({ now, below }) => ({
      kind: 'extend',
      expiresAt: new Date(now().getTime() + (20 + below(10)) * 86_400_000),
    })),
  ],
  [
    'provision',
    4,
    async (walking) => {
      const member = anyOf(walking, walking.members)!
      await provisionSubKey(walking.ctx, {
        teamId: walking.teamId,
        userId: member.userId,
        masterKeyId: walking.masterKeyId,
        purpose: randomUUID().slice(0, 8),
        cap: usd(0.5 + walking.below(4) / 2),
        reset: walking.below(2) === 0 ? null : 'monthly',
        expiresAt: new Date(walking.now().getTime() + (1 + walking.below(20)) * 86_400_000),
        models: [],
      })
    },
  ],
  ['rotate', 3, onSubKey((walking, actor) => rotateSubKey(walking.ctx, actor, 'walk'))],
  [
    'rotate with an overlap',
    3,
    onSubKey((walking, actor) =>
      rotateSubKey(walking.ctx, actor, 'walk', undefined, 1 + walking.below(24)),
    ),
  ],
  [
    'change cap',
    4,
    onSubKey((walking, actor) =>
      changeCap(walking.ctx, actor, { cap: usd(0.5 + walking.below(5) / 2), reason: 'walk' }),
    ),
  ],
  ['delete', 3, onSubKey((walking, actor) => deleteSubKey(walking.ctx, actor, 'walk'))],
  [
    'budget',
    1,
    (walking) =>
      setBudget(
        walking.ctx,
        { teamId: walking.teamId, userId: anyOf(walking, walking.members)!.userId },
        { budget: usd(3 + walking.below(5)), effective: 'now', reason: 'walk' },
        walking.owner.userId,
      ),
  ],
  [
    'spend',
    14,
    async (walking) => {
      const key = anyOf(
        walking,
        [...walking.service.keys.values()].filter((one) => walking.service.left(one) > 1_000n),
      )
      if (!key) return
      const saved = await walking.db.key.count({
        where: { hash: key.id, holderKind: { not: 'spare' } },
      })
      // What was never saved, or waits for a claim, nobody holds.
      if (saved > 0)
        walking.service.use(key.id, (walking.service.left(key) * BigInt(1 + walking.below(4))) / 4n)
    },
  ],
  ['work', 22, workers],
  ['read', 10, readAccounts],
  [
    'land',
    4,
    async ({ service, now }) => {
      const call = service.delayed.shift()
      if (call && now().getTime() - call.sentAt < 600_000) ignoreGone(call.run)
    },
  ],
  ['seconds', 8, (walking) => walking.travel((5 + walking.below(30)) * 1000)],
  [
    'minutes',
    5,
    async (walking) => {
      await walking.travel((1 + walking.below(11)) * 60_000)
      if (walking.below(3) > 0) await readAccounts(walking)
    },
  ],
  [
    'a day',
    1,
    async (walking) => {
      await readAccounts(walking)
      await walking.travel(86_400_000)
      await rollMonths(walking.ctx)
    },
  ],
]

function ignoreGone(run: () => void): void {
  try {
    run()
  } catch {
    // Deleted meanwhile: it lands nowhere.
  }
}

/**
 * Nobody acts and nothing fails: after twenty minutes, and ten more from the end of the last grace
 * of an old key, upstream equals what is wanted.
 */
async function rest(walking: WalkWorld): Promise<void> {
  walking.premint(0)
  await keepSpares(walking.ctx)
  walking.failEvery(0)
  walking.service.lagMs = 0
  walking.skew(0)
  for (let round = 0; round < 14 || (round < 100 && (await isLeaving(walking))); round++) {
    await workers(walking, { ignoreBackoff: true })
    await walking.travel([35, 35, 65, 305, 65][round % 5]! * 1000)
    walking.service.delayed.length = 0
    await readAccounts(walking)
  }
  await workers(walking, { ignoreBackoff: true })
  await checkWalk(walking)
  await checkQuiet(walking)
}

/** An old key works on beside its successor, or did so until a moment ago. */
async function isLeaving(walking: WalkWorld): Promise<boolean> {
  const [row] = await walking.db.$queryRaw<{ found: boolean }[]>`
    select exists (select 1 from keymint.keys where off_ended_at is null and off_replaced_at is null
        and grace_until is not null)
      or exists (select 1 from keymint.keys where off_replaced_at > keymint.now() - interval '10 min') as found`
  return row?.found ?? false
}
