/**
 * What every ServiceAdapter must do, asked of each against a stand-in on a real port: call
 * `conformanceOf` from the adapter's test. A bench is the adapter with a credential, and a
 * control of its stand-in.
 */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { ServiceKey } from '../app/adapters/service-adapter'
import {
  capOf,
  expectRefusedUnasked,
  failureOf,
  isMetered,
  keyOf,
  listed,
  nobody,
  usd,
  type ServiceBench,
} from './service-bench'
import { declaredOf } from './service-declared'
import { failuresOf } from './service-failures'
import { listsOf } from './service-lists'
import { meteredOf } from './service-metered'

/** A secret of several parts says which of them are secret; one text is its own part. */
const partsOf = (adapter: ServiceBench['adapter'], plaintext: string) =>
  adapter.show?.(plaintext) ?? [{ label: 'Key', value: plaintext, secret: true }]

/** Registers the suite. `open` gives a fresh bench for each test. */
export function conformanceOf(name: string, open: () => Promise<ServiceBench>): void {
  test(`${name}: a key is made, found by id and in the list under its name, used, and deleted for good`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const wanted = keyOf({ cap: usd(1.234567891) })
    const made = await adapter.createKey(credential, wanted)
    // What the service says it made is compared with what was asked before the key counts.
    if (adapter.capabilities.capBy === 'service')
      expect(made.made).toMatchObject({ cap: wanted.cap, reset: null })
    else expect(made.made.cap).toBeUndefined()
    expect(made.made.disabled ?? false).toBe(false)
    expect(made.made.expiresAt ?? null).toBeNull()
    expect(made.plaintext.length).toBeGreaterThan(15)
    expect(made.label).not.toContain(made.plaintext)
    expect(made.label.length).toBeLessThan(made.plaintext.length)
    const found = await adapter.findKey(credential, made.id)
    expect(found).toMatchObject({
      id: made.id,
      name: wanted.name,
      cap: adapter.capabilities.capBy === 'service' ? wanted.cap : null,
      reset: null,
      disabled: false,
      expiresAt: null,
    } satisfies Partial<ServiceKey>)
    expect(inspect(found, { depth: 9 })).not.toContain(made.plaintext)
    if (isMetered(bench))
      expect(await listed(bench)).toContainEqual(
        expect.objectContaining({ id: made.id, name: wanted.name, cap: null }),
      )
    else {
      expect(found?.usedInWindow).toBe(0n)
      expect(await listed(bench)).toContainEqual(found)
    }
    expect(partsOf(adapter, made.plaintext)).not.toHaveLength(0)
    expect(await bench.use(made.plaintext)).toBe(true)
    await adapter.deleteKey(credential, made.id)
    expect(await adapter.findKey(credential, made.id)).toBeNull()
    expect((await listed(bench)).map((key) => key.id)).not.toContain(made.id)
    expect(await bench.use(made.plaintext)).toBe(false)
  })

  test(`${name}: the cap stops the key, and a new cap, higher or lower, counts at once`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const made = await adapter.createKey(credential, keyOf({ cap: usd(2) }))
    await bench.spend(made.id, 2)
    // Where Keymint holds the cap the key serves on, and a new one changes nothing at the service.
    if (adapter.capabilities.capBy === 'keymint') {
      expect(await bench.use(made.plaintext)).toBe(true)
      for (const limit of [usd(3.5), usd(1)])
        expect(await adapter.changeKey(credential, made.id, { limit })).toMatchObject({
          id: made.id,
          cap: null,
          disabled: false,
        })
      return
    }
    expect(await bench.use(made.plaintext)).toBe(false)
    expect(await adapter.changeKey(credential, made.id, { limit: usd(3.5) })).toMatchObject({
      id: made.id,
      cap: usd(3.5),
      usedInWindow: usd(2),
    })
    expect(await bench.use(made.plaintext)).toBe(true)
    expect((await adapter.changeKey(credential, made.id, { limit: usd(1) })).cap).toBe(usd(1))
    expect(await bench.use(made.plaintext)).toBe(false)
  })

  test(`${name}: a disabled key is refused, keeps its usage, and serves again when it is enabled`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const made = await adapter.createKey(credential, keyOf())
    await bench.spend(made.id, 0.5)
    const used = isMetered(bench) ? {} : { usedInWindow: usd(0.5) }
    for (let times = 0; times < 2; times++)
      expect(await adapter.changeKey(credential, made.id, { disabled: true })).toMatchObject({
        id: made.id,
        disabled: true,
        cap: capOf(bench, 2),
        ...used,
      })
    expect(await bench.use(made.plaintext)).toBe(false)
    expect(await adapter.findKey(credential, made.id)).toMatchObject({ disabled: true, ...used })
    for (let times = 0; times < 2; times++)
      expect((await adapter.changeKey(credential, made.id, { disabled: false })).disabled).toBe(
        false,
      )
    expect(await bench.use(made.plaintext)).toBe(true)
    expect((await adapter.findKey(credential, made.id))?.disabled).toBe(false)
  })

  test(`${name}: one change carries disable, limit and reset, and sent twice it changes nothing twice`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const reset = adapter.capabilities.resets.at(-1) ?? null
    const made = await adapter.createKey(credential, keyOf({ reset }))
    await bench.spend(made.id, 0.5)
    // How a key ends: no single call that lands later may revive anything worth having.
    const end = { disabled: true, limit: usd(0.5), reset: null }
    for (let times = 0; times < 2; times++)
      expect(await adapter.changeKey(credential, made.id, end)).toMatchObject({
        id: made.id,
        disabled: true,
        cap: capOf(bench, 0.5),
        reset: null,
      })
    expect(await bench.use(made.plaintext)).toBe(false)
    const reopened = { disabled: false, limit: usd(3), reset }
    for (let times = 0; times < 2; times++)
      expect(await adapter.changeKey(credential, made.id, reopened)).toMatchObject({
        disabled: false,
        cap: capOf(bench, 3),
        reset,
      })
    expect(await adapter.findKey(credential, made.id)).toMatchObject({
      disabled: false,
      cap: capOf(bench, 3),
      reset,
    })
    expect(await bench.use(made.plaintext)).toBe(true)
    // What is absent stays.
    expect(await adapter.changeKey(credential, made.id, { disabled: true })).toMatchObject({
      cap: capOf(bench, 3),
      reset,
    })
  })

  test(`${name}: a change whose answer is cut is ambiguous, and asked for again it is confirmed`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const made = await adapter.createKey(credential, keyOf())
    const change = { disabled: true, limit: usd(1) }
    await bench.strike({ call: 'update', fault: 'reset-after', times: 1 })
    expect((await failureOf(adapter.changeKey(credential, made.id, change))).details).toMatchObject(
      { kind: 'ambiguous', reason: 'connection-lost' },
    )
    expect(await adapter.changeKey(credential, made.id, change)).toMatchObject({
      disabled: true,
      cap: capOf(bench, 1),
    })
  })

  test(`${name}: a key that is not there is null to find, done to delete, and not-found to change`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    expect(await adapter.findKey(credential, nobody)).toBeNull()
    await adapter.deleteKey(credential, nobody)
    for (const work of [
      adapter.changeKey(credential, nobody, { limit: usd(1) }),
      adapter.changeKey(credential, nobody, { disabled: true }),
      adapter.changeKey(credential, nobody, { disabled: false }),
      adapter.changeKey(credential, nobody, { disabled: true, limit: 1_000n, reset: null }),
    ]) {
      expect((await failureOf(work)).details).toMatchObject({
        kind: 'rejected',
        reason: 'not-found',
      })
    }
  })

  test(`${name}: a cap of nothing is refused before a request`, async () => {
    await using bench = await open()
    await expectRefusedUnasked(bench, keyOf({ cap: 0n }))
  })

  listsOf(name, open)
  meteredOf(name, open)
  declaredOf(name, open)
  failuresOf(name, open)
}
