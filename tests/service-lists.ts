/** What a ServiceAdapter reads: usage exactly, and lists of any length in bounded pages. */
import { expect, test } from 'vitest'
import { isMetered, keyOf, listed, usd, type ServiceBench } from './service-bench'

export function listsOf(name: string, open: () => Promise<ServiceBench>): void {
  test(`${name}: usage is read exactly, of one key by itself and in the list`, async () => {
    await using bench = await open()
    // A meter's exactness is asked in service-metered.ts.
    if (isMetered(bench)) return
    const { adapter, credential } = bench
    const ids: string[] = []
    for (let index = 0; index < 8; index++)
      ids.push((await adapter.createKey(credential, keyOf())).id)
    await bench.spend(ids[0]!, 0.000000001)
    await bench.spend(ids[7]!, 1.25)
    const found = await Promise.all(ids.map((id) => adapter.findKey(credential, id)))
    const byId = new Map((await listed(bench)).map((key) => [key.id, key]))
    expect(byId.size).toBe(ids.length)
    for (const readings of [new Map(found.map((key) => [key!.id, key!])), byId]) {
      expect(readings.get(ids[0]!)).toMatchObject({ usage: 1n, usedInWindow: 1n, disabled: false })
      expect(readings.get(ids[7]!)).toMatchObject({ usage: usd(1.25), usedInWindow: usd(1.25) })
      expect(readings.get(ids[3]!)).toMatchObject({ usage: 0n, usedInWindow: 0n })
    }
  })

  test(`${name}: a long list comes whole, in bounded pages, and is left where its reader leaves it`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const made = new Set<string>()
    for (let round = 0; round < 9; round++)
      for (const key of await Promise.all(
        Array.from({ length: 25 }, () => adapter.createKey(credential, keyOf())),
      ))
        made.add(key.id)
    // Constant memory: never more than a page is held, however long the list.
    const seen = new Set<string>()
    let pages = 0
    for await (const page of adapter.listKeys(credential)) {
      pages++
      expect(page.keys.length).toBeLessThanOrEqual(100)
      expect(page.unreadable).toBe(0)
      for (const key of page.keys) seen.add(key.id)
    }
    expect(seen).toEqual(made)
    expect(pages).toBeGreaterThan(2)
    const before = await bench.requests()
    for await (const page of adapter.listKeys(credential)) {
      expect(page.keys.length).toBeGreaterThan(0)
      break
    }
    expect((await bench.requests()) - before).toBe(1)
    const gone = AbortSignal.abort(new Error('the deadline has passed'))
    await expect(
      adapter.listKeys(credential, { signal: gone })[Symbol.asyncIterator]().next(),
    ).rejects.toThrow()
  }, 60_000)
}
