/**
 * Keys that are handed over, replaced and ended in the same moment, and acts that a crash cuts off.
 * Whatever comes first, the books hold, and nobody ends with a key that one of the acts took away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { Db } from '~/adapters/db.server'
import { checkLedger } from '../../../tests/ledger-check'
import { rounds } from '../../../tests/rounds'
import { openRaces, together, type Act } from '../../../tests/team-races'
import { usd } from '../../../tests/world'
import { destroyKey } from '../vault/destroy.server'
import { closeTeam } from './close.server'
import { correctUsage, listCorrectableKeys } from './correct-usage.server'
import { endOldKey } from './overlap.server'
import { changeCap, deleteSubKey, rotateSubKey } from './sub-key.server'
import { removeMember, setRole, suspendMember } from './team.server'

const races = rounds(40)
const timeout = 900_000

test(
  `${races} races of a hand-over with a deletion, a replacement, a cap and a correction: one holder`,
  { timeout },
  async () => {
    const stage = await openRaces()
    await using world = stage.world
    const { ctx, teamId } = world
    const [ann, ben] = stage.ids
    for (const userId of [ann, ben]) await stage.budget(userId, 10_000)
    for (let round = 0; round < races; round++) {
      const keyId = await stage.ready(ann, 10, round % 2 === 0 ? 'monthly' : null)
      const keys = await listCorrectableKeys(ctx, teamId, stage.month, null)
      const others: Act[] = [
        () => deleteSubKey(ctx, stage.on(keyId, ann), 'race'),
        () => rotateSubKey(ctx, stage.on(keyId, ann), 'race', undefined, (round % 3) * 12),
        () => changeCap(ctx, stage.on(keyId, ann), { cap: usd(20), reason: 'race' }),
      ]
      const [handed] = await together(
        () => stage.hand(ann, ben, keyId),
        others[round % 3]!,
        others[(round + 1) % 3]!,
        ...keys.slice(0, 1).map(
          ({ handle }) =>
            () =>
              correctUsage(ctx, {
                ...stage.by,
                handle,
                month: stage.month,
                direction: 'down',
                amount: usd(1),
                reason: 'race',
                was: 0n,
              }),
        ),
      )
      const done = (handed as { kind: string }).kind === 'handed'
      expect((await world.row(keyId)).userId).toBe(done ? ben : ann)
      await checkLedger(world)
      await stage.endAll()
    }
    await world.letSettle()
    await checkLedger(world)
  },
)

test(
  'a hand-over against the suspension, removal or new role of who receives: nobody without keys holds one',
  { timeout },
  async () => {
    const stage = await openRaces(1 + 6)
    await using world = stage.world
    const { ctx, ownerId } = world
    const [ann, ...takers] = stage.ids
    await stage.budget(ann, 10_000)
    const ends = [
      (userId: string) => suspendMember(ctx, stage.ref(userId), ownerId, 'race'),
      (userId: string) => removeMember(ctx, stage.ref(userId), ownerId, 'race'),
      (userId: string) => setRole(ctx, stage.ref(userId), 'viewer', ownerId, 'race'),
    ]
    for (const [index, taker] of takers.entries()) {
      await stage.budget(taker, 100)
      const keyId = await stage.ready(ann)
      await together(
        () => stage.hand(ann, taker, keyId),
        () => ends[index % ends.length]!(taker),
        () => stage.hand(ann, taker),
      )
      expect(await stage.liveOf(taker)).toBe(0)
      await checkLedger(world)
      await world.letSettle()
      await checkLedger(world)
    }
  },
)

test(
  `${races} races inside an overlap: a cap, the end of the old key, a hand-over, a reading and a deletion`,
  { timeout },
  async () => {
    const stage = await openRaces()
    await using world = stage.world
    const { ctx } = world
    const [ann, ben] = stage.ids
    for (const userId of [ann, ben]) await stage.budget(userId, 10_000)
    for (let round = 0; round < races; round++) {
      const keyId = await stage.ready(ann, 10, round % 2 === 0 ? 'monthly' : null)
      await rotateSubKey(ctx, stage.on(keyId, ann), 'race', undefined, 24)
      await world.apply(keyId)
      expect(await world.mint(keyId)).toBe(true)
      await together(
        () => changeCap(ctx, stage.on(keyId), { cap: usd(5), reason: 'race' }),
        () => endOldKey(ctx, stage.on(keyId), 'race'),
        () => stage.hand(ann, ben, keyId),
        () => world.read(),
        ...(round % 3 === 0 ? [() => deleteSubKey(ctx, stage.on(keyId), 'race')] : []),
      )
      await checkLedger(world)
      await world.apply(keyId)
      await checkLedger(world)
      await stage.endAll()
    }
    await world.letSettle()
    await checkLedger(world)
  },
)

test(
  `${races} races of a credential’s deletion with a mint, a replacement and a new key: no key without it`,
  { timeout },
  async () => {
    for (let round = 0; round < Math.ceil(races / 2); round++) {
      const stage = await openRaces()
      await using world = stage.world
      const { ctx, db, teamId, scope, masterKeyId, ownerId: userId } = world
      const [ann] = stage.ids
      await stage.budget(ann, 100)
      const keyId = await stage.ready(ann)
      const waiting = await stage.provision(ann, 5)
      if (waiting.kind !== 'queued') throw new Error(waiting.reason)
      await together(
        () => deleteSubKey(ctx, stage.on(keyId), 'race'),
        () => world.mint(waiting.keyId),
        () => rotateSubKey(ctx, stage.on(keyId), 'race'),
        () => stage.provision(ann, 5),
        () => destroyKey(ctx, { teamId, scope, userId, masterKeyId, reason: 'race' }),
      )
      await checkLedger(world)
      const isGone = async () => {
        const row = await db.masterKey.findUniqueOrThrow({ where: { id: masterKeyId } })
        return row.sealed === null
      }
      expect((await isGone()) && (await stage.liveOf()) > 0).toBe(false)
      await stage.endAll()
      await world.letSettle()
      await checkLedger(world)
    }
  },
)

test(
  `${races} races of a closing with a hand-over, an overlap, a top-up and a raise: nothing stays live`,
  { timeout },
  async () => {
    for (let round = 0; round < Math.ceil(races / 2); round++) {
      const stage = await openRaces()
      await using world = stage.world
      const { ctx } = world
      const [ann, ben] = stage.ids
      for (const userId of [ann, ben]) await stage.budget(userId, 100)
      const [first, second] = [await stage.ready(ann), await stage.ready(ann, 10, 'monthly')]
      await together(
        () => closeTeam(ctx, { ...stage.by, reason: 'race' }),
        () => stage.hand(ann, ben, first),
        () => rotateSubKey(ctx, stage.on(second, ann), 'race', undefined, 24),
        () => changeCap(ctx, stage.on(first, ann), { cap: usd(20), reason: 'race' }),
        () => stage.topUp(ben, usd(7), 0n),
      )
      expect(await stage.liveOf()).toBe(0)
      await checkLedger(world)
      await world.letSettle()
      await checkLedger(world)
      for (const userId of [ann, ben]) {
        const { allocated, spent } = await stage.balance(userId)
        expect(allocated).toBe(spent)
      }
    }
  },
)

test(
  `${races * 3} pairs of acts whose connections are cut at any statement: all or nothing`,
  { timeout },
  async () => {
    const stage = await openRaces()
    await using world = stage.world
    const { ctx } = world
    const [ann, ben] = stage.ids
    for (const userId of [ann, ben]) await stage.budget(userId, 10_000)
    const admin = new pg.Client({ connectionString: world.database.url })
    await admin.connect()
    try {
      for (let round = 0; round < races * 3; round++) {
        const keyId = await stage.ready(round % 2 === 0 ? ann : ben)
        const acts: Act[] = [
          () => stage.hand(ann, ben),
          () => stage.hand(ben, ann),
          () => rotateSubKey(ctx, stage.on(keyId), 'cut', undefined, 24),
          () => changeCap(ctx, stage.on(keyId), { cap: usd(20), reason: 'cut' }),
          () => deleteSubKey(ctx, stage.on(keyId), 'cut'),
          () => stage.provision(ann, 10),
          () => stage.topUp(ann, usd(round + 1), usd(round)),
        ]
        const pair = [round, round * 3 + 1].map((index) => acts[index % acts.length]!())
        const running = Promise.allSettled([...pair, world.read()])
        await sleep((round * 7) % 45)
        await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()`)
        await running
        await connectedAgain(world)
        await checkLedger(world)
        await stage.endAll()
      }
      await world.letSettle()
      await checkLedger(world)
    } finally {
      await admin.end()
    }
  },
)

/** A connection that was cut while it lay idle fails its next statement: none of those is left. */
async function connectedAgain({ db }: { db: Db }): Promise<void> {
  for (;;) {
    const asked = Array.from({ length: 20 }, () => db.$queryRaw`select 1`)
    if ((await Promise.allSettled(asked)).every(({ status }) => status === 'fulfilled')) return
  }
}
