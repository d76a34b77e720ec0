/**
 * Limits are counted in the database: machines agree, a restart keeps them, and a crowd behind
 * one address is let in.
 */
import { afterAll, expect, test } from 'vitest'
import { testDb } from '../../tests/database'
import { createDb } from './db.server'
import { addressBlock, createLimits, limitCatalog, type LimitName } from './rate-limits.server'

const closing: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

async function database() {
  const { url, db, drop } = await testDb()
  closing.push(drop)
  const another = () => {
    const other = createDb(url, { max: 5, applicationName: 'test-limits' })
    closing.push(() => other.$disconnect())
    return other
  }
  return { db, another }
}

const passed = (answers: (number | null)[]) => answers.filter((answer) => answer === null).length
const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))

test('two machines at once let exactly the limit pass, and say how long to wait', async () => {
  const { another } = await database()
  const machines = [createLimits(another()), createLimits(another())]
  const answers = await times(70, (index) =>
    machines[index % 2]!.consume('claim', { userId: 'github:1', address: '192.0.2.1' }),
  )
  expect(passed(answers)).toBe(limitCatalog.claim.person.points)
  const waits = answers.filter((answer) => answer !== null)
  expect([Math.min(...waits) >= 1, Math.max(...waits) <= 60]).toEqual([true, true])
  expect(
    await machines[0]!.consume('claim', { userId: 'github:2', address: '192.0.2.1' }),
  ).toBeNull()
})

test('a restart keeps the counts, and a window that is over starts anew', async () => {
  const { another } = await database()
  const rules = { claim: { person: { points: 3, seconds: 2 } } }
  const who = { userId: 'github:1', address: null }
  const first = another()
  expect(passed(await times(3, () => createLimits(first, rules).consume('claim', who)))).toBe(3)
  await first.$disconnect()
  const after = createLimits(another(), rules)
  expect(await after.consume('claim', who)).not.toBeNull()
  await expect
    .poll(() => after.consume('claim', who), { timeout: 10_000, interval: 300 })
    .toBeNull()
})

test('500 people behind one address sign in, claim, reveal and test their keys in a minute unhindered', async () => {
  const { db } = await database()
  const limits = createLimits(db)
  const address = '198.51.100.7'
  const blocked: string[] = []
  const ask = async (name: LimitName, userId: string | null) => {
    if ((await limits.consume(name, { userId, address })) !== null)
      blocked.push(`${name} ${userId}`)
  }
  await times(500, async (index) => {
    const person = `github:${index}`
    await ask('sign-in', null)
    await ask('sign-in-callback', null)
    for (const name of ['claim', 'claim', 'reveal', 'reveal', 'key-test', 'key-test'] as const)
      await ask(name, person)
  })
  expect(blocked).toEqual([])
}, 60_000)

test('a flood without our cookie uses up nothing of browsers that have it', async () => {
  const { db } = await database()
  const limits = createLimits(db, {
    'sign-in': { browser: { points: 3, seconds: 60 }, address: { points: 20, seconds: 60 } },
  })
  const ask = (browser: string | null) =>
    limits.consume('sign-in', { userId: null, browser, address: '192.0.2.77' })
  expect(passed(await times(100, () => ask(null)))).toBe(20)
  expect(passed(await times(300, (index) => ask(`browser-${index}`)))).toBe(300)
  expect(passed(await times(20, () => ask('browser-1')))).toBe(2)
})

test('who collects cookies meets the ceiling of all browsers at one address', async () => {
  const { db } = await database()
  const limits = createLimits(db, {
    'sign-in': {
      browser: { points: 3, seconds: 60 },
      crowd: { points: 50, seconds: 60 },
      address: { points: 20, seconds: 60 },
    },
  })
  const ask = (browser: string, address = '192.0.2.78') =>
    limits.consume('sign-in', { userId: null, browser, address })
  expect(passed(await times(200, (index) => ask(`collected-${index}`)))).toBe(50)
  expect(await ask('another', '192.0.2.79')).toBeNull()
})

test('who is over the own limit does not use up the address that others share', async () => {
  const { db } = await database()
  const limits = createLimits(db, {
    claim: { person: { points: 5, seconds: 60 }, address: { points: 20, seconds: 60 } },
  })
  expect(
    passed(
      await times(100, () => limits.consume('claim', { userId: 'greedy', address: '192.0.2.9' })),
    ),
  ).toBe(5)
  const others = await times(30, (index) =>
    limits.consume('claim', { userId: `other-${index}`, address: '192.0.2.9' }),
  )
  expect(passed(others)).toBe(15)
})

test('without a database a process counts alone and goes on', async () => {
  const gone = createDb('postgresql://nobody:nothing@127.0.0.1:1/none', {
    max: 1,
    applicationName: 'test',
  })
  closing.push(() => gone.$disconnect())
  const limits = createLimits(gone, { claim: { person: { points: 2, seconds: 60 } } })
  const who = { userId: 'github:1', address: null }
  expect([await limits.consume('claim', who), await limits.consume('claim', who)]).toEqual([
    null,
    null,
  ])
  expect(await limits.consume('claim', who)).toBeGreaterThan(0)
})

test('an address of IPv6 counts as its /64, one of IPv4 as itself', () => {
  expect(addressBlock('192.0.2.1')).toBe('192.0.2.1')
  expect(addressBlock('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(addressBlock('2001:DB8:0:1::1')).toBe('2001:db8:0:1::/64')
  expect(addressBlock('2001:db8:0:1:ffff:ffff:ffff:ffff')).toBe('2001:db8:0:1::/64')
  expect(addressBlock('2001:db8::1')).toBe('2001:db8:0:0::/64')
  expect(addressBlock('::1')).toBe('0:0:0:0::/64')
  expect(addressBlock('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
})

test('tries at one place end together, whoever makes them, and another place is not touched', async () => {
  const { db } = await database()
  const limits = createLimits(db, {
    'workshop-code': { person: { points: 3, seconds: 60 }, place: { points: 10, seconds: 60 } },
  })
  const tryAt = (place: string, index: number) =>
    limits.consume('workshop-code', { userId: `github:${index}`, address: null, place })
  expect(passed(await times(15, (index) => tryAt('one', index)))).toBe(10)
  expect(await tryAt('two', 99)).toBeNull()
  // A person over their own limit uses up nothing of the others.
  const own = { userId: 'github:1', address: null }
  await times(9, () => limits.consume('workshop-code', { ...own, place: 'two' }))
  expect(passed(await times(8, (index) => tryAt('two', 200 + index)))).toBeGreaterThanOrEqual(6)
})
