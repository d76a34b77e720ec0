import { expect, test } from 'vitest'
import { decideStock, type LiveSpare, type StockFacts } from './decide-stock'
import { makeWorkshop, usd } from '../../../tests/world'

const spare = (id: string, change: Partial<LiveSpare> = {}): LiveSpare => ({
  id,
  state: 'ready',
  fits: true,
  sound: true,
  ...change,
})
const decide = (change: Partial<StockFacts> = {}, file: Parameters<typeof makeWorkshop>[0] = {}) =>
  decideStock({
    workshop: makeWorkshop({ premint: 4, poolLimit: usd(20), ...file }),
    now: new Date(),
    ended: false,
    mayMake: true,
    failedLately: false,
    committed: 0n,
    seats: 0,
    totalSeatsLeft: null,
    live: [],
    ...change,
  })
const two = [spare('a'), spare('b', { state: 'pending' })]

test('makes what is missing, as far as pool, seats and the seats of all giveaways allow', () => {
  expect(decide()).toEqual({ close: [], make: 4 })
  expect(decide({ live: two, committed: usd(4) })).toEqual({ close: [], make: 2 })
  expect(decide({ committed: usd(17) }).make).toBe(1)
  expect(decide({ committed: usd(20) }).make).toBe(0)
  expect(decide({ seats: 9 }, { maxKeys: 10 }).make).toBe(1)
  expect(decide({ totalSeatsLeft: 3 }).make).toBe(3)
  expect(decide({}, { poolLimit: null }).make).toBe(4)
  expect(decide({}, { premint: 1_000, poolLimit: null }).make).toBe(40)
})

test('makes none while nothing may be made, just after a failure, or long before claims open', () => {
  expect(decide({ mayMake: false }).make).toBe(0)
  expect(decide({ failedLately: true }).make).toBe(0)
  const inMinutes = (minutes: number) => ({ claimsOpenAt: new Date(Date.now() + minutes * 60_000) })
  expect(decide({}, inMinutes(61)).make).toBe(0)
  expect(decide({}, inMinutes(59)).make).toBe(4)
})

test('closes what does not fit, is unsound or is too many; what is not made yet goes first', () => {
  const live = [spare('a'), spare('b', { fits: false }), spare('c', { sound: false })]
  expect(decide({ live, committed: usd(6) })).toEqual({
    close: [
      { id: 'b', reason: 'terms-changed' },
      { id: 'c', reason: 'unusable' },
    ],
    make: 3,
  })
  const fewer = decide({ live: [two[1]!, two[0]!], committed: usd(4) }, { premint: 1 })
  expect(fewer).toEqual({ close: [{ id: 'b', reason: 'not-needed' }], make: 0 })
  // A pool that was lowered below what it holds.
  const passed = decide({ live: [...two, spare('c')], committed: usd(23) })
  expect(passed.close.map(({ id }) => id)).toEqual(['c', 'b'])
})

test('closes all where nobody can claim any more, or the file asks for none', () => {
  const all = (reason: string) => ({
    close: two.map(({ id }) => ({ id, reason })),
    make: 0,
  })
  expect(decide({ live: two, workshop: null })).toEqual(all('closed'))
  expect(decide({ live: two, ended: true })).toEqual(all('closed'))
  expect(decide({ live: two }, { claimsCloseAt: new Date(0) })).toEqual(all('closed'))
  expect(decide({ live: two }, { premint: null })).toEqual(all('not-needed'))
})
