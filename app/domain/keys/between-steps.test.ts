/** What somebody else does between two steps of one process: the second step looks again. */
import { expect, test } from 'vitest'
import { replaceOwnKey } from '~/domain/claim/replace-key.server'
import { bulkKinds } from '~/domain/staff/kinds.server'
import { runBulk } from '~/domain/bulk/run-bulk.server'
import type { ClaimAction } from '~/domain/claim/actions'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import type { ServiceKey } from '~/adapters/service-adapter'
import type { Db } from '~/adapters/db.server'
import { act, readyClaims, spend, startAction } from '../../../tests/claims'
import { readAll, travel, work } from '../../../tests/engine'
import { openWorld, usd, withService, type World } from '../../../tests/world'
import { applyKey } from './apply.server'
import { condemn } from './attempts.server'
import { takeOver } from './mint-attempt.server'
import { readWork } from './mint-work.server'
import { pauseMinting } from './pause.server'
import { waitsForApply } from './wake.server'

const slug = 'test-workshop'

/** A database in which somebody acts just before the first statement that holds this text. */
function interrupted(db: Db, statement: string, act: () => Promise<unknown>): Db {
  let waits = true
  return new Proxy(db, {
    get(target, name: keyof Db) {
      const real: unknown = target[name]
      if (name !== '$executeRaw') return real
      return async (parts: TemplateStringsArray, ...values: unknown[]) => {
        if (waits && parts.join('').includes(statement)) {
          waits = false
          await act()
        }
        return target.$executeRaw(parts, ...values)
      }
    },
  })
}
const lease = 'call_sent_at = keymint.now()'

/** A world whose calls that change a key wait until they are let go. */
function heldCalls(world: World) {
  let letGo = () => {}
  let sent = 0
  const open = new Promise<void>((resolve) => (letGo = resolve))
  const ctx = withService(world.ctx, (real) => ({
    changeKey: async (...args: Parameters<typeof real.changeKey>): Promise<ServiceKey> => {
      sent++
      await open
      return real.changeKey(...args)
    },
  }))
  return { ctx, letGo, sent: () => sent }
}

const keyOf = (world: World, claimId: string) =>
  world.db.key.findFirstOrThrow({ where: { holderId: claimId }, orderBy: { generation: 'desc' } })

/** What staff ask for, while no run has looked at the row since. */
async function ask(world: World, claim: { claimId: string }, action: ClaimAction) {
  const bulkId = await startAction(world, action, { claimIds: [claim.claimId] })
  await runBulk(world.ctx, bulkId, bulkKinds)
}

test('of two runs that both decided to call about a key, one calls: never two at once', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await giveBack(world.ctx, claim!)
  const key = await keyOf(world, claim!.claimId)
  const held = heldCalls(world)
  let first: Promise<unknown> | undefined
  // The first run sends its call while the second stands between its decision and its lease.
  const second = applyKey(
    {
      ...held.ctx,
      db: interrupted(world.ctx.db, lease, async () => {
        first = applyKey(held.ctx, key.id)
        await expect.poll(held.sent).toBe(1)
      }),
    },
    key.id,
  )
  expect(await second).toMatchObject({ kind: 'snooze', reason: 'called' })
  expect(held.sent()).toBe(1)
  held.letGo()
  await first
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
})

test('a call that was decided on an older row is not sent: what staff asked meanwhile goes first', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await ask(world, claim!, { kind: 'set-limit', limit: usd(5) })
  const key = await keyOf(world, claim!.claimId)
  const limits: unknown[] = []
  const ctx = withService(world.ctx, (real) => ({
    changeKey: (credential, hash, change) => {
      limits.push(change.limit)
      return real.changeKey(credential, hash, change)
    },
  }))
  const lowered = () => ask(world, claim!, { kind: 'set-limit', limit: usd(1) })
  await applyKey({ ...ctx, db: interrupted(world.ctx.db, lease, lowered) }, key.id)
  expect(limits.filter((limit) => limit !== usd(1))).toEqual([])
  expect((await world.ctx.provider.findKey(claim!.hash))?.limit).toBe(usd(1))
})

test('a key given back while an enable has no answer is not closed before that can land no more', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await act(world, { kind: 'disable' }, [claim!])
  await ask(world, claim!, { kind: 'enable' })
  const { id } = await keyOf(world, claim!.claimId)
  const ends = withService(world.ctx, () => ({
    changeKey: () => Promise.reject(new Error('the process ends here')),
  }))
  await expect(applyKey(ends, id)).rejects.toThrow('the process ends here')
  await travel(world, 20_000)
  await giveBack(world.ctx, claim!)
  expect(await applyKey(world.ctx, id)).toMatchObject({ kind: 'snooze', reason: 'in-doubt' })
  expect((await keyOf(world, claim!.claimId)).closedAt).toBeNull()
  await travel(world, 11 * 60_000)
  await work(world)
  expect((await keyOf(world, claim!.claimId)).closedAt).not.toBeNull()
  expect((await world.ctx.provider.findKey(claim!.hash))?.disabled).toBe(true)
})

test('a key that is closed waits for no answer of a call whose process died', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await act(world, { kind: 'disable' }, [claim!])
  await work(world)
  await ask(world, claim!, { kind: 'set-limit', limit: usd(1) })
  const { id } = await keyOf(world, claim!.claimId)
  const ends = withService(world.ctx, () => ({
    changeKey: () => Promise.reject(new Error('the process ends here')),
  }))
  await expect(applyKey(ends, id)).rejects.toThrow('the process ends here')
  await giveBack(world.ctx, claim!)
  expect(await applyKey(world.ctx, id)).toMatchObject({ kind: 'snooze', reason: 'called' })
  await travel(world, 16_000)
  expect(await applyKey(world.ctx, id)).toEqual({ kind: 'done' })
  expect(await keyOf(world, claim!.claimId)).toMatchObject({
    closedAt: expect.any(Date) as Date,
    callSentAt: null,
    callToken: null,
  })
})

test('a mint that was decided before a pause is not taken over behind it', async () => {
  await using world = await openWorld()
  const [person] = await world.people(1)
  await claimKey(world.ctx, { workshopSlug: slug, person: person!, optIn: false })
  const mint = await world.db.mint.findFirstOrThrow()
  const decided = await readWork(world.ctx, mint.id)
  await pauseMinting(world.ctx, { actorUserId: 'github:1', reason: 'Back soon.' })
  const turn = { previousToken: null, probing: false }
  expect(await takeOver(world.ctx, decided!, turn)).toBeNull()
  expect(await world.db.mintAttempt.count()).toBe(0)
})

test('an attempt that was saved is never condemned, one that is condemned stays so for whoever asks', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const saved = await world.db.mintAttempt.findFirstOrThrow({ where: { keyHash: claim!.hash } })
  expect(await condemn(world.ctx.db, saved.id, claim!.hash)).toBe(false)
  expect((await world.db.mintAttempt.findFirstOrThrow({ where: { id: saved.id } })).state).toBe(
    'saved',
  )
  const open = await world.db.mintAttempt.create({
    data: {
      ...saved,
      id: crypto.randomUUID(),
      token: crypto.randomUUID(),
      name: 'another',
      state: 'unknown',
      keyHash: null,
    },
  })
  expect(await condemn(world.ctx.db, open.id, null)).toBe(true)
  expect(await condemn(world.ctx.db, open.id, null)).toBe(true)
})

test('a person does not replace a key that staff disabled, and nothing is begun', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await act(world, { kind: 'disable' }, [claim!])
  await work(world)
  const before = await world.db.bulkAction.count()
  const owner = { workshopSlug: slug, userId: claim!.userId }
  expect(await replaceOwnKey(world.ctx, owner)).toEqual({ kind: 'disabled' })
  expect(await world.db.bulkAction.count()).toBe(before)
  expect((await keyOf(world, claim!.claimId)).generation).toBe(1)
})

test('a key that is over holds all it held until its readings have told, whatever is known by then', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  const held = () => world.db.keyWindow.findMany({ select: { reservedUsd: true } })
  const before = await held()
  await spend(world, claim!.hash, 0.5)
  await world.faults({ rules: [{ match: 'PATCH /keys/*', fault: '503' }] })
  await giveBack(world.ctx, claim!)
  await work(world)
  await readAll(world)
  expect(await held()).toEqual(before)
})

test('a key that is off and whose process died before it was closed is found again, also a replaced one', async () => {
  await using world = await openWorld()
  const [ended, replaced] = await readyClaims(world, 2)
  await giveBack(world.ctx, ended!)
  await act(world, { kind: 're-issue' }, [replaced!])
  await work(world)
  const off = { hash: { in: [ended!.hash, replaced!.hash] } }
  expect(await world.db.key.count({ where: { ...off, closedAt: null } })).toBe(0)
  await world.db.key.updateMany({ where: off, data: { closedAt: null } })
  const found = await world.db.$queryRaw<{ hash: string }[]>`
    select k.hash from keymint.keys k where ${waitsForApply}`
  expect(found.map(({ hash }) => hash).toSorted()).toEqual([ended!.hash, replaced!.hash].toSorted())
})

test('a call about a closed key whose process died is found again, and its row waits no more', async () => {
  await using world = await openWorld()
  const [claim] = await readyClaims(world, 1)
  await giveBack(world.ctx, claim!)
  await work(world)
  const { id, closedAt } = await keyOf(world, claim!.claimId)
  expect(closedAt).not.toBeNull()
  const sent = new Date(Date.now() - 60_000)
  await world.db.key.update({
    where: { id },
    data: { callSentAt: sent, callToken: crypto.randomUUID(), callRevision: 1, callOn: false },
  })
  const waiting = () => world.db.$queryRaw<{ id: string }[]>`
    select k.id from keymint.keys k where ${waitsForApply}`
  expect(await waiting()).toEqual([{ id }])
  expect(await applyKey(world.ctx, id)).toEqual({ kind: 'done' })
  expect(await keyOf(world, claim!.claimId)).toMatchObject({ callSentAt: null, closedAt })
  expect(await waiting()).toEqual([])
})
