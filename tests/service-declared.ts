/** A part of service-conformance.ts: what an adapter declares of its service is true. */
import { expect, test } from 'vitest'
import type { NewServiceKey, ServiceReset } from '../app/adapters/service-adapter'
import { failureOf, keyOf, usd, type ServiceBench } from './service-bench'

const nextWindow = (reset: ServiceReset, from: Date): Date => {
  const [year, month, day] = [from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()]
  const start =
    reset === 'monthly'
      ? Date.UTC(year, month + 1, 1)
      : reset === 'daily'
        ? Date.UTC(year, month, day + 1)
        : Date.UTC(year, month, day + 7 - ((from.getUTCDay() + 6) % 7))
  return new Date(start + 60_000)
}

export function declaredOf(name: string, open: () => Promise<ServiceBench>): void {
  test(`${name}: what is declared about ends is true`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const expiresAt = new Date(Date.now() + 3_600_000)
    if (!adapter.capabilities.expiry) return await expectRefusedUnasked(bench, keyOf({ expiresAt }))
    const made = await adapter.createKey(credential, keyOf({ expiresAt }))
    const found = await adapter.findKey(credential, made.id)
    expect(Math.abs((found?.expiresAt?.getTime() ?? 0) - expiresAt.getTime())).toBeLessThan(60_000)
    expect(await bench.use(made.plaintext)).toBe(true)
    await bench.moveTo(new Date(expiresAt.getTime() + 60_000))
    expect(await bench.use(made.plaintext)).toBe(false)
    await expectRefusedUnasked(bench, keyOf({ expiresAt: new Date(Date.now() - 1_000) }))
  })

  for (const reset of ['daily', 'weekly', 'monthly'] as const) {
    test(`${name}: what is declared about a ${reset} cap is true`, async () => {
      await using bench = await open()
      const { adapter, credential } = bench
      if (!adapter.capabilities.resets.includes(reset))
        return await expectRefusedUnasked(bench, keyOf({ reset }))
      const made = await adapter.createKey(credential, keyOf({ reset, cap: usd(1) }))
      const untouched = await adapter.createKey(credential, keyOf({ reset, cap: usd(1) }))
      await bench.spend(made.id, 1)
      expect(await adapter.findKey(credential, made.id)).toMatchObject({
        reset,
        usedInWindow: usd(1),
      })
      expect(await bench.use(made.plaintext)).toBe(false)
      await bench.moveTo(nextWindow(reset, new Date()))
      expect(await bench.use(made.plaintext)).toBe(true)
      const fresh = (await adapter.readUsage(credential, [made.id, untouched.id])).get(made.id)
      expect(fresh?.usedInWindow).toBeLessThan(usd(0.5))
      if (fresh?.usage !== null) expect(fresh?.usage).toBeGreaterThan(usd(0.99))
      if (fresh?.windowEndsAt)
        expect(fresh.windowEndsAt.getTime()).toBeGreaterThan(
          nextWindow(reset, new Date()).getTime(),
        )
      expect((await adapter.findKey(credential, made.id))?.cap).toBe(usd(1))
    })
  }

  test(`${name}: what is declared about models is true`, async () => {
    await using bench = await open()
    const { adapter, credential, models } = bench
    if (!adapter.capabilities.modelList)
      return await expectRefusedUnasked(bench, keyOf({ models: ['a-model'] }))
    const [allowed, other] = models!
    const made = await adapter.createKey(credential, keyOf({ models: [allowed] }))
    expect(await bench.use(made.plaintext, allowed)).toBe(true)
    expect(await bench.use(made.plaintext, other)).toBe(false)
    const free = await adapter.createKey(credential, keyOf())
    expect(await bench.use(free.plaintext, other)).toBe(true)
  })

  test(`${name}: a cap of nothing is refused before a request`, async () => {
    await using bench = await open()
    await expectRefusedUnasked(bench, keyOf({ cap: 0n }))
  })
}

/** Refused for certain, in words, and without a request. */
async function expectRefusedUnasked(bench: ServiceBench, key: NewServiceKey): Promise<void> {
  const before = await bench.requests()
  const { details } = await failureOf(bench.adapter.createKey(bench.credential, key))
  expect(details).toMatchObject({
    kind: 'rejected',
    reason: 'refused',
    providerMessage: expect.stringMatching(/\.$/) as string,
  })
  expect(await bench.requests()).toBe(before)
}
