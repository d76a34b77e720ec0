/** What a machine costs over time: never falling, no second counted twice, a lost note harmless. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diskPerHour, nextMeter, parseMeter, type Meter } from './runpod-meter'

const begin = Date.parse('2026-11-01T00:00:00Z')
const at = (ms: number) => new Date(begin + ms)
const createdAt = at(0).toISOString()
const running = (cost: number) => ({ status: 'RUNNING', cost, createdAt, startedAt: createdAt })
const stopped = { status: 'EXITED', cost: 0, createdAt, startedAt: null }
const hour = 3_600_000
/** What a time costs at the highest price that was seen. */
const costOf = (usd: number, ms: number) =>
  ((BigInt(Math.round(usd * 1e9)) + diskPerHour) * BigInt(ms)) / 3_600_000n
const cents = fc.integer({ min: 1, max: 2_000 })
const readings = fc.array(
  fc.record({
    afterMs: fc.integer({ min: -60_000, max: hour }),
    cents,
    status: fc.constantFrom('PROVISIONING', 'STARTING', 'RUNNING', 'EXITED', 'ERROR'),
  }),
  { minLength: 1, maxLength: 40 },
)

test('usage never falls, and never passes the highest price for all the time there was', () => {
  fc.assert(
    fc.property(readings, (all) => {
      let meter: Meter | null = null
      let [now, latest, dearest] = [0, 0, 0]
      for (const { afterMs, cents: price, status } of all) {
        now = Math.max(0, now + afterMs)
        latest = Math.max(latest, now)
        dearest = Math.max(dearest, price / 100)
        const pod = { status, cost: price / 100, createdAt, startedAt: null }
        const next = nextMeter(pod, meter, at(now))
        expect(BigInt(next.used)).toBeGreaterThanOrEqual(BigInt(meter?.used ?? '0'))
        expect(BigInt(next.used)).toBeLessThanOrEqual(costOf(dearest, latest))
        meter = parseMeter(JSON.stringify(next))
        expect(meter).toEqual(next)
      }
    }),
  )
})

test('many readings cost what one does, but for less than a nano-USD each', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: hour }), { minLength: 1, maxLength: 60 }),
      cents,
      (steps, price) => {
        let meter = nextMeter(running(price / 100), null, at(0))
        let now = 0
        for (const step of steps) {
          now += step
          meter = nextMeter(running(price / 100), meter, at(now))
          // The same reading again costs nothing.
          expect(nextMeter(running(price / 100), meter, at(now))).toEqual(meter)
        }
        const once = BigInt(nextMeter(running(price / 100), null, at(now)).used)
        expect(BigInt(meter.used)).toBeLessThanOrEqual(once)
        expect(BigInt(meter.used)).toBeGreaterThanOrEqual(once - BigInt(steps.length))
      },
    ),
  )
})

test('a lost note begins at the start of what runs, and what is stopped costs nothing', () => {
  fc.assert(
    fc.property(cents, fc.integer({ min: 1, max: 100 * hour }), (price, ms) => {
      const pod = running(price / 100)
      expect(BigInt(nextMeter(pod, null, at(ms)).used)).toBe(costOf(price / 100, ms))
      expect(nextMeter(stopped, null, at(ms)).used).toBe('0')
      const off = nextMeter(stopped, nextMeter(pod, null, at(ms)), at(ms))
      expect(nextMeter(stopped, off, at(ms + 9 * hour)).used).toBe(off.used)
      // The next reading after a loss counts from the loss, not from the beginning of time.
      const lost = nextMeter(stopped, null, at(ms))
      expect(BigInt(nextMeter(pod, lost, at(ms + hour)).used)).toBe(costOf(price / 100, hour))
    }),
  )
  for (const note of [
    null,
    '',
    '{}',
    '{"at":1}',
    'null',
    '{"at":1,"used":"-1","on":true,"rate":"1"}',
  ])
    expect(parseMeter(note)).toBeNull()
})
