/** What stored bytes and traffic cost: never falling, nothing counted twice, no rounding that adds up. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstMeter, nextMeter, parseMeter, withTraffic, type Meter } from './s3-meter'

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

test('a clock that goes back and forth counts no byte-second twice', () => {
  fc.assert(
    fc.property(readings, bytes, (all, stored) => {
      let meter: Meter = firstMeter(begin)
      let [at, latest] = [0, 0]
      for (const { afterMs } of all) {
        at += afterMs
        latest = Math.max(latest, at)
        meter = nextMeter(meter, { at: later(at), bytes: stored, on: true }, price)
      }
      const once = nextMeter(
        firstMeter(begin),
        { at: later(latest), bytes: stored, on: true },
        price,
      )
      expect(meter).toEqual(once)
    }),
  )
})

test('a note that comes back twice gives the same, and a lost one begins at nothing', () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 86_400_000 }), (stored, ms) => {
      const first = nextMeter(firstMeter(begin), { at: begin, bytes: stored, on: true }, price)
      const seen = { at: later(ms), bytes: stored, on: true }
      expect(nextMeter(first, seen, price)).toEqual(nextMeter(first, seen, price))
      const lost = nextMeter(null, seen, price)
      expect(lost.used).toBe('0')
      // The next reading counts from the loss.
      const after = { ...seen, at: later(2 * ms) }
      expect(nextMeter(lost, after, price).used).toBe(nextMeter(first, seen, price).used)
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

const prices = { download: 90_000_000n, writes: 5_000_000n, reads: 400_000n }
const sum = fc.bigInt({ min: 0n, max: 10n ** 14n })
const traffic = fc.record({ bytes: sum, writes: sum, reads: sum })

test('traffic never takes anything back, whatever AWS loses, and its note stays under 1 KB', () => {
  fc.assert(
    fc.property(fc.array(traffic, { minLength: 1, maxLength: 30 }), (all) => {
      let meter: Meter = firstMeter(begin)
      for (const seen of all) {
        const next = withTraffic(meter, seen, prices)
        expect(BigInt(next.used)).toBeGreaterThanOrEqual(BigInt(meter.used))
        expect(withTraffic(next, seen, prices)).toEqual(next)
        meter = parseMeter(JSON.stringify(next))!
        expect(JSON.stringify(meter).length).toBeLessThan(1_024)
      }
    }),
  )
})

test('traffic that is read in many steps costs what it does in one, a lost note included', () => {
  fc.assert(
    fc.property(fc.array(traffic, { minLength: 1, maxLength: 30 }), (steps) => {
      const total = { bytes: 0n, writes: 0n, reads: 0n }
      let meter: Meter = firstMeter(begin)
      for (const step of steps) {
        for (const name of ['bytes', 'writes', 'reads'] as const) total[name] += step[name]
        meter = withTraffic(meter, { ...total }, prices)
      }
      expect(meter).toEqual(withTraffic(firstMeter(begin), total, prices))
      // The sums are since the key was made, so a lost note loses no traffic and invents none.
      const lost = nextMeter(null, { at: begin, bytes: 0n, on: true }, price)
      expect(withTraffic(lost, total, prices).used).toBe(meter.used)
    }),
  )
})

test('stored data and traffic add up in one note, in any order of readings', () => {
  fc.assert(
    fc.property(bytes, traffic, fc.integer({ min: 1, max: 86_400_000 }), (stored, seen, ms) => {
      const reading = { at: later(ms), bytes: stored, on: true }
      const both = withTraffic(nextMeter(firstMeter(begin), reading, price), seen, prices)
      const alone = nextMeter(firstMeter(begin), reading, price)
      const only = withTraffic(firstMeter(begin), seen, prices)
      expect(BigInt(both.used)).toBe(BigInt(alone.used) + BigInt(only.used))
      expect(nextMeter(both, reading, price)).toEqual(both)
    }),
  )
})

test('a GB downloaded and a thousand requests cost their price', () => {
  const seen = { bytes: 2n ** 30n, writes: 1_000n, reads: 1_000n }
  expect(withTraffic(firstMeter(begin), seen, prices).used).toBe('95400000')
})
