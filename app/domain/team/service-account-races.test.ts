/** Two at once: one name, one form, and a closing beside a key that is asked for and made. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkLedger } from '../../../tests/ledger-check'
import { ask, madeBy, make, openWithOwners } from '../../../tests/machine-account'
import { rounds } from '../../../tests/rounds'
import { removeMember } from './team.server'

const races = rounds(60)
test(`${races} races of two owners for one name, and of one form with itself, make one`, async () => {
  const { world, second } = await openWithOwners()
  await using _ = world
  const { db, ownerId } = world
  for (let round = 0; round < races; round++) {
    const name = `CI ${round}`
    const outcomes = await Promise.all([
      make(world, { name, by: ownerId, budget: 5 }),
      make(world, { name: name.toLowerCase(), by: second }),
    ])
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['made', 'refused'])
    const formId = randomUUID()
    const twice = await Promise.all(
      [1, 2, 3].map(() => make(world, { name: `Form ${round}`, formId, budget: 1 })),
    )
    expect(new Set(twice.map((one) => JSON.stringify(one))).size).toBe(1)
    const other = await make(world, { name: `Another ${round}`, formId })
    expect(other.kind, 'another name is another one').toBe('made')
    const made = await db.teamMember.findMany({ where: { role: 'service', state: 'active' } })
    expect(made).toHaveLength(3)
    for (const { userId } of made) {
      const gone = await removeMember(world.ctx, { teamId: world.teamId, userId }, ownerId, 'done')
      expect(gone).toEqual({ kind: 'done' })
    }
  }
})

test(`${races} races of a closing with a key that is asked for and made leave no live key`, async () => {
  const { world, second } = await openWithOwners()
  await using _ = world
  const { ctx, db, teamId, ownerId } = world
  for (let round = 0; round < races; round++) {
    const userId = await madeBy(world, { name: `CI ${round}` })
    const first = await ask(world, userId, ownerId)
    if (first.kind !== 'queued') throw new Error(first.reason)
    const [late] = await Promise.all([
      ask(world, userId, second),
      removeMember(ctx, { teamId, userId }, ownerId, 'done'),
      world.mint(first.keyId),
    ])
    if (late.kind === 'queued') await world.mint(late.keyId)
    else expect(late.reason).toBe('not-active')
    await world.letSettle()
    const keys = await db.apiKey.findMany({ where: { userId } })
    expect(keys.every(({ state }) => state === 'ended')).toBe(true)
    const [month] = await db.budgetMonth.findMany({ where: { userId } })
    expect([month!.committedUsd, month!.freeUsd].map(Number)).toEqual([0, 0])
    await checkLedger(world, userId)
  }
  const alive = [...world.service.keys.values()].filter((key) => !key.disabled && !key.deleted)
  expect(alive).toEqual([])
})
