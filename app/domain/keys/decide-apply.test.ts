/** What is asked next of the provider for one key, row by row. */
import { expect, test } from 'vitest'
import { afterwards, keyMadeAt, keyRow, usd } from '../../../tests/key'
import { applyBackoffSeconds, decideApply } from './decide-apply'
import { minLimit } from './key-row'

const now = afterwards(60)
const decide = (change: Parameters<typeof keyRow>[0], held = false) =>
  decideApply(keyRow(change), now, held)
const nothing = { kind: 'nothing' }
const ended = { ended: keyMadeAt }

test('a key that is as wanted, not made or deleted asks for nothing', () => {
  expect(decide({})).toEqual(nothing)
  expect(decide({ savedAt: null, off: ended })).toEqual(nothing)
  expect(decide({ deletedAt: now, off: ended })).toEqual(nothing)
})

test('a key that is over is sent disabled, with what it used as its limit, and no reset', () => {
  const all = { disabled: true, limit: usd(0.4), reset: null }
  expect(decide({ off: ended, used: usd(0.4) })).toEqual({
    kind: 'change',
    change: all,
    raises: false,
  })
  expect(decide({ off: ended })).toMatchObject({ change: { limit: minLimit } })
  const reset = { off: true, reset: 'daily', limit: minLimit }
  expect(decide({ off: ended, seen: reset })).toMatchObject({ change: { reset: null } })
})

test('a key that is over and off is closed, once', () => {
  expect(decide({ off: ended, seen: { off: true } })).toEqual({ kind: 'close' })
  expect(decide({ off: ended, seen: { off: true }, closedAt: now })).toEqual(nothing)
  expect(decide({ missingAt: now })).toEqual({ kind: 'close' })
  expect(decide({ missingAt: now, closedAt: now })).toEqual(nothing)
})

test('a key that the provider ends by itself needs no call at its end, one that is replaced does', () => {
  const expired = { off: ended, expiresAt: now }
  expect(decide(expired)).toEqual(nothing)
  expect(decide({ ...expired, expiresAt: afterwards(1, now) })).toMatchObject({ kind: 'change' })
  expect(decide({ ...expired, expiryEchoed: false })).toMatchObject({ kind: 'change' })
  expect(decide({ ...expired, off: { ...ended, replaced: now } })).toMatchObject({ kind: 'change' })
  // It is on after all: somebody moved its end there.
  expect(decide({ ...expired, closedAt: now })).toMatchObject({ kind: 'change' })
})

test('three failed disables of a key that is over, and it is deleted; staff’s alone never', () => {
  expect(decide({ off: ended, applyTries: 2 })).toMatchObject({ kind: 'change' })
  expect(decide({ off: ended, applyTries: 3 })).toEqual({ kind: 'delete' })
  expect(decide({ off: { staff: now }, applyTries: 3 })).toMatchObject({ kind: 'change' })
  expect(decide({ deleteWanted: true })).toEqual({ kind: 'delete' })
})

test('a call that is out is waited for fifteen seconds', () => {
  const out = (seconds: number) => ({
    call: { sentAt: afterwards(-seconds, now), revision: 1, limit: null, on: false },
  })
  expect(decide(out(14))).toEqual({ kind: 'wait', seconds: 1, reason: 'called' })
  expect(decide({ ...out(15), off: ended })).toMatchObject({ kind: 'change' })
})

test('off is no end while a call may still enable it, and is asked for once more when none can', () => {
  const over = { off: ended, seen: { off: true } }
  const second = { change: { disabled: true, limit: minLimit, reset: null }, raises: false }
  const doubt = (seconds: number, on: boolean) => ({
    ...over,
    doubt: { until: afterwards(seconds, now), limit: null, on },
  })
  expect(decide(doubt(1, true))).toEqual({ kind: 'wait', seconds: 1, reason: 'in-doubt' })
  expect(decide(doubt(0, true))).toMatchObject(second)
  expect(decide(doubt(1, false))).toEqual({ kind: 'close' })
  const call = { sentAt: keyMadeAt, revision: 1, limit: null, on: true }
  expect(decide({ ...over, call })).toMatchObject(second)
})

test('a higher limit is sent only where it was asked for, a lower one always', () => {
  const raised = { revision: 2, limit: usd(2) }
  const change = { limit: usd(2), reset: null }
  expect(decide(raised)).toEqual({ kind: 'change', change, raises: true })
  expect(decide({ limit: usd(2) })).toEqual(nothing)
  expect(decide({ limit: usd(0.5) })).toMatchObject({ change: { limit: usd(0.5) }, raises: false })
  expect(decide({ seen: { limit: null } })).toMatchObject({ change: { limit: usd(1) } })
  expect(decide({ seen: { byok: false } })).toMatchObject({ kind: 'change', raises: false })
  expect(decide({ seen: { reset: 'daily' } })).toMatchObject({ change: { reset: null } })
})

test('an enable goes last and by itself, and only where it was asked for', () => {
  const off = { seen: { off: true }, revision: 2 }
  expect(decide(off)).toEqual({ kind: 'change', change: { disabled: false }, raises: true })
  expect(decide({ ...off, revision: 1 })).toEqual(nothing)
  expect(decide({ ...off, limit: usd(2) })).toEqual({
    kind: 'change',
    change: { limit: usd(2), reset: null },
    raises: true,
    partial: true,
  })
})

test('a pause holds what raises and enables, never what lowers or disables', () => {
  const wait = { kind: 'wait', seconds: 15, reason: 'held' }
  expect(decide({ revision: 2, limit: usd(2) }, true)).toEqual(wait)
  expect(decide({ revision: 2, seen: { off: true } }, true)).toEqual(wait)
  expect(decide({ limit: usd(0.5) }, true)).toMatchObject({ kind: 'change' })
  expect(decide({ off: ended }, true)).toMatchObject({ kind: 'change' })
})

test('a disabled key that lives is lowered, and what is unsure is sent once more and not raised', () => {
  const off = { off: { staff: now }, seen: { off: true } }
  expect(decide(off)).toEqual(nothing)
  expect(decide({ ...off, limit: usd(0.5) })).toMatchObject({ change: { limit: usd(0.5) } })
  const doubt = (seconds: number) => ({ until: afterwards(seconds, now), limit: usd(3), on: true })
  const change = { limit: usd(1), reset: null }
  expect(decide({ doubt: doubt(1) })).toEqual(nothing)
  expect(decide({ doubt: doubt(0) })).toEqual({ kind: 'change', change, raises: false })
  expect(decide({ doubt: doubt(0), limit: usd(2) })).toMatchObject({ change })
  expect(decide({ ...off, doubt: doubt(0) })).toMatchObject({ change: { disabled: true } })
})

test('what failed waits its time, unless a person presses', () => {
  const failed = keyRow({ off: ended, applyAt: afterwards(7, now) })
  expect(decideApply(failed, now, false)).toEqual({
    kind: 'wait',
    seconds: 7,
    reason: 'backing-off',
  })
  expect(decideApply(failed, now, false, { ignoreBackoff: true })).toMatchObject({ kind: 'change' })
  expect(decide({ off: ended, applyAt: now })).toMatchObject({ kind: 'change' })
  expect([0, 1, 5, 9].map((tries) => applyBackoffSeconds(tries, true))).toEqual([2, 4, 20, 20])
  expect([0, 1, 5, 9].map((tries) => applyBackoffSeconds(tries, false))).toEqual([5, 10, 160, 300])
})
