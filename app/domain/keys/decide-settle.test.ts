/** When the money of a closed key is settled, and what is read until then. */
import { expect, test } from 'vitest'
import { afterwards, keyMadeAt as closedAt, keyRow } from '../../../tests/key'
import { decideSettle } from './decide-settle'

const decide = (seconds: number, change: Parameters<typeof keyRow>[0] = {}, later = 0) =>
  decideSettle(keyRow({ closedAt, ...change }), afterwards(seconds), later)
const readAt = (seconds: number) => ({ kind: 'read', at: afterwards(seconds) })

test('a key that is not closed, or was never made, is not settled', () => {
  expect(decide(3_600, { closedAt: null })).toEqual({ kind: 'nothing' })
  expect(decide(3_600, { savedAt: null })).toEqual({ kind: 'nothing' })
})

test('it is read 30 s, 1, 2 and 7 minutes after closing, and two readings are 30 s apart', () => {
  const reads = [0, 1, 2, 3].map((ownReads) => decide(1, { ownReads, readAt: afterwards(1) }))
  expect(reads).toEqual([30, 60, 120, 420].map(readAt))
  const late = (seconds: number) => decide(1, { ownReads: 1, ownReadAt: afterwards(seconds) })
  expect(late(50)).toEqual(readAt(80))
  expect(late(30)).toEqual(readAt(60))
})

test('four readings and five quiet minutes settle it, from the last growth, later where a service is', () => {
  const read = (seconds: number, change = {}, later = 0) =>
    decide(seconds, { ownReads: 4, readAt: afterwards(seconds), ...change }, later)
  expect(read(300)).toEqual({ kind: 'settle' })
  expect(read(299)).toEqual(readAt(359))
  expect(decide(300, { ownReads: 3, readAt: afterwards(300) })).toEqual(readAt(420))
  expect(read(419, { grownAt: afterwards(120) })).toEqual(readAt(479))
  expect(read(420, { grownAt: afterwards(120) })).toEqual({ kind: 'settle' })
  expect(read(300, { grownAt: afterwards(-120) })).toEqual({ kind: 'settle' })
  expect(read(309, {}, 10)).toEqual(readAt(369))
  expect(read(310, {}, 10)).toEqual({ kind: 'settle' })
})

test('one that is gone upstream is settled after seven minutes', () => {
  expect(decide(419, { missingAt: closedAt })).toEqual(readAt(420))
  expect(decide(420, { missingAt: closedAt })).toEqual({ kind: 'settle' })
})

test('what nobody could read for a day is written off; a reading after closing prevents it', () => {
  const day = 86_400
  expect(decide(day)).toEqual({ kind: 'write-off' })
  expect(decide(day - 1)).toEqual(readAt(30))
  expect(decide(day, { readAt: afterwards(-1) })).toEqual({ kind: 'write-off' })
  expect(decide(day, { readAt: closedAt })).toEqual(readAt(30))
  expect(decide(day, { ownReads: 1 })).toEqual(readAt(60))
})

test('for a day after it was settled it is read each hour', () => {
  const settledAt = afterwards(500)
  expect(decide(600, { settledAt })).toEqual(readAt(4_100))
  expect(decide(600, { settledAt, readAt: afterwards(550) })).toEqual(readAt(4_150))
  expect(decide(600, { settledAt, deletedAt: settledAt })).toEqual({ kind: 'nothing' })
  expect(decide(500 + 86_400, { settledAt })).toEqual({ kind: 'nothing' })
  expect(decide(499 + 86_400, { settledAt })).toEqual(readAt(4_100))
})
