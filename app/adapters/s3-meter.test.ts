/** What stored bytes cost: never falling, no time counted twice, no rounding that adds up. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstMeter, nextMeter, parseMeter, type Meter } from './s3-meter'

const price = 23_000_000n
const begin = new Date('2026-11-01T00:00:00Z')
const later = (ms: number) => new Date(begin.getTime() + ms)
const bytes = fc.bigInt({ min: 0n, max: 10n ** 15n })
const readings = fc.array(
  fc.record({ afterMs: fc.integer({ min: -60_000, max: 86_400_000 }), bytes, on: fc.boolean() }),
  { minLength: 1, maxLength: 40 },
)

test('usage never falls, whatever the clock does and whatever is stored', () => {
  fc.assert(
    fc.property(readings, (all) => {
      let meter: Meter = firstMeter(begin)
      let at = 0
      for (const reading of all) {
        at += reading.afterMs
        const next = nextMeter(meter, { ...reading, at: later(at) }, price)
        expect(BigInt(next.used)).toBeGreaterThanOrEqual(BigInt(meter.used))
        meter = parseMeter(JSON.stringify(next))!
        expect(JSON.stringify(meter).length).toBeLessThan(1_024)
      }
    }),
  )
})

test('many readings cost what one does: no byte-second is counted twice, and none is lost', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 600_000 }), { minLength: 1, maxLength: 60 }),
      bytes,
      (steps, stored) => {
        let meter: Meter = firstMeter(begin)
        let at = 0
        for (const step of steps) {
          at += step
          meter = nextMeter(meter, { at: later(at), bytes: stored, on: true }, price)
        }
        const once = nextMeter(firstMeter(begin), { at: later(at), bytes: stored, on: true }, price)
        expect(meter).toEqual(once)
      },
    ),
  )
})

test('a note that comes back twice gives the same, and a lost one begins at nothing', () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 86_400_000 }), (stored, ms) => {
      const first = nextMeter(firstMeter(begin), { at: begin, bytes: stored, on: true }, price)
      const seen = { at: later(ms), bytes: stored, on: true }
      expect(nextMeter(first, seen, price)).toEqual(nextMeter(first, seen, price))
      expect(nextMeter(null, seen, price).used).toBe('0')
      const second = nextMeter(nextMeter(first, seen, price), seen, price)
      expect(second).toEqual(nextMeter(first, seen, price))
    }),
  )
})

test('a GB for a month costs its price, and what stays stored while the key is off costs nothing', () => {
  const month = 730 * 3_600_000
  const on = nextMeter(firstMeter(begin), { at: later(month), bytes: 2n ** 30n, on: true }, price)
  expect(on.used).toBe('23000000')
  const off = nextMeter(on, { at: later(month), bytes: 2n ** 30n, on: false }, price)
  expect(nextMeter(off, { at: later(9 * month), bytes: 2n ** 30n, on: false }, price).used).toBe(
    on.used,
  )
  for (const note of [null, '', '{}', '{"at":1}', 'null']) expect(parseMeter(note)).toBeNull()
})
