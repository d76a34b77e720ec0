/** The life of a code: it counts once, for ten minutes, and gives one key to one terminal. */
import { expect, test } from 'vitest'
import { act, readyClaims } from '../../../tests/claims'
import { makeWorkshop, openWorld, type World } from '../../../tests/world'
import { erasePerson } from '../people/erase.server'
import { exportPerson } from '../people/export.server'
import { applyRetention } from '../operations/retention.server'
import { giveBack } from './end-claim.server'
import { revealKey } from './reveal.server'
import { newCode, readCode, shownCode } from './setup-code'
import {
  approveSetup,
  findSetup,
  listSetupKeys,
  refuseSetup,
  startSetup,
  takeSetupKey,
} from './setup.server'

async function started(world: World, machine = 'laptop') {
  const outcome = await startSetup(world.ctx, { tool: 'claude-code', machine })
  if (outcome.kind !== 'started') throw new Error(outcome.reason)
  return outcome
}

async function oneKey(world: World) {
  const [claim] = await readyClaims(world, 1)
  return { claimId: claim!.claimId, userId: claim!.userId }
}

const actions = async (world: World) =>
  (
    await world.db.auditEvent.findMany({
      where: { action: { startsWith: 'setup.' } },
      orderBy: { id: 'asc' },
    })
  ).map(({ action, actor, subject }) => `${action} ${actor} ${subject}`)

test('a terminal gets the key that the person approves, and the trail says each step without a name', async () => {
  await using world = await openWorld()
  const { claimId, userId } = await oneKey(world)
  const { device, code, seconds } = await started(world, 'ada-lovelace-laptop')
  expect(seconds).toBe(600)
  expect(code).toMatch(/^[B-Z2-9]{4}-[B-Z2-9]{4}$/)
  expect(await takeSetupKey(world.ctx, device)).toEqual({ kind: 'waiting' })
  const typed = code.toLowerCase().replace('-', ' ')
  expect(await findSetup(world.ctx, { code: typed, userId })).toMatchObject({
    kind: 'waiting',
    asked: { tool: 'claude-code', machine: 'ada-lovelace-laptop' },
  })
  expect(await takeSetupKey(world.ctx, device)).toEqual({ kind: 'waiting' })
  const [key] = await listSetupKeys(world.ctx, userId)
  expect(key).toMatchObject({ claimId, workshopSlug: 'test-workshop' })
  expect(await approveSetup(world.ctx, { code, claimId, userId })).toEqual({ kind: 'approved' })
  const revealed = await revealKey(world.ctx, { workshopSlug: 'test-workshop', userId })
  expect(await takeSetupKey(world.ctx, device)).toEqual({
    kind: 'key',
    key: revealed.kind === 'revealed' ? revealed.key : '',
    models: ['openai/gpt-5-nano'],
  })
  expect(await takeSetupKey(world.ctx, device)).toEqual({ kind: 'over', reason: 'used' })
  expect(await findSetup(world.ctx, { code, userId })).toEqual({ kind: 'used' })

  expect(await actions(world)).toEqual([
    `setup.asked user:${userId} user:${userId}`,
    `setup.approved user:${userId} claim:${claimId}`,
    `setup.handed-over user:${userId} claim:${claimId}`,
  ])
  const kept = JSON.stringify([
    await world.db.setupCode.findMany(),
    (await world.db.auditEvent.findMany()).map(({ details }) => details),
  ])
  const plain = revealed.kind === 'revealed' ? revealed.key : 'none'
  for (const secret of [device, code, readCode(code)!, plain]) {
    expect(kept).not.toContain(secret)
    expect(world.logLines.join('\n')).not.toContain(secret)
  }
  const details = (await world.db.auditEvent.findMany()).map((row) => JSON.stringify(row.details))
  expect(details.join('')).not.toContain('ada-lovelace')
})

test('an expired, a refused, a used, an unknown code and no code at all are told apart', async () => {
  await using world = await openWorld()
  const owner = await oneKey(world)
  const { userId } = owner
  const refused = await started(world)
  expect(await refuseSetup(world.ctx, { code: refused.code, userId })).toEqual({
    kind: 'refused-now',
  })
  expect(await takeSetupKey(world.ctx, refused.device)).toEqual({ kind: 'over', reason: 'refused' })
  expect(await approveSetup(world.ctx, { code: refused.code, ...owner })).toEqual({
    kind: 'refused',
  })
  const used = await started(world)
  await approveSetup(world.ctx, { code: used.code, ...owner })
  await takeSetupKey(world.ctx, used.device)
  expect(await approveSetup(world.ctx, { code: used.code, ...owner })).toEqual({ kind: 'used' })
  expect(await takeSetupKey(world.ctx, 'x'.repeat(43))).toEqual({ kind: 'over', reason: 'unknown' })
  expect(await findSetup(world.ctx, { code: shownCode(newCode()), userId })).toEqual({
    kind: 'unknown',
  })
  for (const odd of ['', 'BCDF', 'AEIO-UUUU', 'BCDF-GHJKM', 'ＢＣＤＦGHJK', '😀'.repeat(8)])
    expect(await findSetup(world.ctx, { code: odd, userId })).toEqual({ kind: 'no-code' })

  // Neither waiting nor approved counts after ten minutes.
  const late = await started(world)
  const approved = await started(world)
  await approveSetup(world.ctx, { code: approved.code, ...owner })
  await world.travel(9 * 60_000)
  expect(await findSetup(world.ctx, { code: late.code, userId })).toMatchObject({ kind: 'waiting' })
  await world.travel(60_000)
  expect(await findSetup(world.ctx, { code: late.code, userId })).toEqual({ kind: 'expired' })
  expect(await approveSetup(world.ctx, { code: late.code, ...owner })).toEqual({ kind: 'expired' })
  for (const { device } of [late, approved])
    expect(await takeSetupKey(world.ctx, device)).toEqual({ kind: 'over', reason: 'expired' })
})

test('ten approvals at once are one, and ten polls at once hand the key out once', async () => {
  await using world = await openWorld({
    workshops: [makeWorkshop(), makeWorkshop({ slug: 'second-workshop' })],
  })
  const one = await oneKey(world)
  const [second] = await readyClaims(world, 1, 'second-workshop')
  const two = { claimId: second!.claimId, userId: second!.userId }
  const { device, code } = await started(world)
  const approvals = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      approveSetup(world.ctx, { code, ...(index % 2 === 0 ? one : two) }),
    ),
  )
  // Whoever was first has it for all of their presses; to the other it is used.
  expect(approvals.filter(({ kind }) => kind === 'approved')).toHaveLength(5)
  expect(approvals.filter(({ kind }) => kind === 'used')).toHaveLength(5)
  const polls = await Promise.all(Array.from({ length: 10 }, () => takeSetupKey(world.ctx, device)))
  expect(polls.filter(({ kind }) => kind === 'key')).toHaveLength(1)
  expect(polls.filter((poll) => poll.kind === 'over' && poll.reason === 'used')).toHaveLength(9)
  const trail = await actions(world)
  expect(trail.filter((line) => line.startsWith('setup.approved'))).toHaveLength(1)
  expect(trail.filter((line) => line.startsWith('setup.handed-over'))).toHaveLength(1)
})

test('approving and refusing at once leave one of the two', async () => {
  await using world = await openWorld()
  const owner = await oneKey(world)
  for (let round = 0; round < 5; round++) {
    const { device, code } = await started(world)
    const [approved, refused] = await Promise.all([
      approveSetup(world.ctx, { code, ...owner }),
      refuseSetup(world.ctx, { code, userId: owner.userId }),
    ])
    const poll = await takeSetupKey(world.ctx, device)
    expect([approved.kind, refused.kind, poll.kind]).toEqual(
      poll.kind === 'key' ? ['approved', 'used', 'key'] : ['refused', 'refused-now', 'over'],
    )
  }
})

test('nobody gives away a key of somebody else', async () => {
  await using world = await openWorld()
  const { claimId } = await oneKey(world)
  const [stranger] = await world.people(1)
  const { device, code } = await started(world)
  expect(await approveSetup(world.ctx, { code, claimId, userId: stranger!.userId })).toEqual({
    kind: 'no-key',
  })
  expect(await listSetupKeys(world.ctx, stranger!.userId)).toEqual([])
  expect(await takeSetupKey(world.ctx, device)).toEqual({ kind: 'waiting' })
})

test('a banned person, an ended key, a disabled key and the kill switch are refused at both ends', async () => {
  const until = async (
    stop: (world: World, owner: { claimId: string; userId: string }) => Promise<unknown>,
    reason: string,
  ) => {
    await using world = await openWorld()
    const owner = await oneKey(world)
    const [before, after] = [await started(world), await started(world)]
    await approveSetup(world.ctx, { code: before.code, ...owner })
    await stop(world, owner)
    expect(await approveSetup(world.ctx, { code: after.code, ...owner })).toEqual({ kind: reason })
    for (const _again of [1, 2])
      expect(await takeSetupKey(world.ctx, before.device)).toEqual({ kind: 'over', reason })
    expect((await actions(world)).filter((line) => line.startsWith('setup.handed-over'))).toEqual(
      [],
    )
    expect((await actions(world)).at(-1)).toBe(
      `setup.refused user:${owner.userId} claim:${owner.claimId}`,
    )
  }
  await until((world, { claimId, userId }) => giveBack(world.ctx, { claimId, userId }), 'ended')
  await until((world, claim) => act(world, { kind: 'disable' }, [claim]), 'disabled')
  await until(
    (world, { userId }) =>
      world.db
        .$executeRaw`update keymint.attendees set banned_at = now() where user_id = ${userId}`,
    'banned',
  )
  await until(async (world) => {
    world.ctx.settings.provisioningEnabled = false
    expect(await startSetup(world.ctx, { tool: 'codex', machine: 'x' })).toEqual({
      kind: 'refused',
      reason: 'paused',
    })
  }, 'paused')
})

test('the name of a computer is one line that turns nothing round', async () => {
  await using world = await openWorld()
  const { userId } = await oneKey(world)
  const named = async (machine: string) => {
    const { code } = await started(world, machine)
    const found = await findSetup(world.ctx, { code, userId })
    return found.kind === 'waiting' ? found.asked.machine : found.kind
  }
  expect(await named('a\u202Eb\nc\u0007d')).toBe('a b c d')
  expect(await named(' \u200b ')).toBe('a computer without a name')
  expect(await named('😀'.repeat(100))).toBe('😀'.repeat(32))
})

test('codes are forgotten a day after their end, and with their person', async () => {
  await using world = await openWorld()
  const owner = await oneKey(world)
  const { code } = await started(world)
  await findSetup(world.ctx, { code, userId: owner.userId })
  await started(world)
  await giveBack(world.ctx, owner)
  await world.db.$executeRaw`update keymint.keys set closed_at = now(), written_off_at = now()`
  expect(await erasePerson(world.ctx, { userId: owner.userId, because: 'asked' })).toEqual({
    kind: 'erased',
  })
  expect(await world.db.setupCode.count()).toBe(1)
  await world.travel(25 * 3_600_000)
  await applyRetention(world.ctx)
  expect(await world.db.setupCode.count()).toBe(0)
})

test('the download of a person names what asked, and holds neither a code nor a hash of one', async () => {
  await using world = await openWorld()
  const { userId } = await oneKey(world)
  const { code, device } = await started(world, 'laptop-of-the-person')
  await findSetup(world.ctx, { code, userId })
  await started(world, 'laptop-of-nobody')
  let text = ''
  for await (const piece of await exportPerson(world.ctx, userId)) text += piece
  expect(text).toContain('laptop-of-the-person')
  expect(text).not.toContain('laptop-of-nobody')
  const hashes = (await world.db.setupCode.findMany()).flatMap((row) => [
    row.codeHash,
    row.deviceHash,
  ])
  for (const secret of [code, device, ...hashes]) expect(text).not.toContain(secret)
})
