/**
 * Usage that an adapter counts itself, from what it reads and the note it gets back: it never falls,
 * counts no time twice, and a note that is lost or handed back twice invents nothing.
 */
import { expect, test } from 'vitest'
import { isMetered, keyOf, usd, type ServiceBench } from './service-bench'

const minuteMs = 60_000

export function meteredOf(name: string, open: () => Promise<ServiceBench>): void {
  test(`${name}: a metered key's usage follows time, never falls, and stands still while it is off`, async () => {
    await using bench = await open()
    if (!isMetered(bench)) return
    const { adapter, credential } = bench
    const made = await adapter.createKey(credential, keyOf())
    await bench.spend(made.id, 0.5)
    let meter = made.meter ?? null
    const read = async (note = meter) => {
      const seen = await adapter.findKey(credential, made.id, note)
      expect(Buffer.byteLength(seen?.meter ?? '')).toBeLessThanOrEqual(1_024)
      return seen!
    }
    const startedAt = Date.now()
    const readings: bigint[] = []
    for (let minute = 1; minute <= 6; minute++) {
      await bench.moveTo(new Date(startedAt + minute * 10 * minuteMs))
      const seen = await read()
      // The same note again, as after a reading that could not be kept: the same usage.
      const second = await read()
      expect(Number(second.usage! - seen.usage!)).toBeLessThan(Number(usd(0.001)))
      meter = second.meter ?? null
      readings.push(second.usage!)
    }
    for (let index = 1; index < readings.length; index++)
      expect(readings[index]!).toBeGreaterThanOrEqual(readings[index - 1]!)
    expect(readings.at(-1)!).toBeGreaterThan(usd(0.4))
    expect(readings.at(-1)!).toBeLessThan(usd(5))
    // A lost note costs at most what only the note knew.
    expect((await read(null)).usage!).toBeLessThanOrEqual(readings.at(-1)! + usd(0.01))
    await adapter.changeKey(credential, made.id, { disabled: true })
    meter = (await read()).meter ?? null
    const stopped = (await read()).usage!
    await bench.moveTo(new Date(startedAt + 48 * 60 * minuteMs))
    expect((await read()).usage!).toBe(stopped)
  })
}
