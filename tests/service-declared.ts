/** What a ServiceAdapter declares about ends, resets and models is what it does. */
import { expect, test } from 'vitest'
import { expectRefusedUnasked, keyOf, nextWindow, usd, type ServiceBench } from './service-bench'

export function declaredOf(name: string, open: () => Promise<ServiceBench>): void {
  test(`${name}: what is declared about ends is true`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const expiresAt = new Date(Date.now() + 3_600_000)
    const ended = keyOf({ expiresAt: new Date(Date.now() - 1_000) })
    const made = await adapter.createKey(credential, keyOf({ expiresAt }))
    // Absent is unknown, another time would be another key.
    if (made.made.expiresAt)
      expect(Math.abs(made.made.expiresAt.getTime() - expiresAt.getTime())).toBeLessThan(1_000)
    const found = await adapter.findKey(credential, made.id)
    // Where Keymint ends it, the service knows no end.
    if (adapter.capabilities.expiryBy === 'keymint') {
      expect([made.made.expiresAt ?? null, found?.expiresAt]).toEqual([null, null])
      return await expectRefusedUnasked(bench, ended)
    }
    expect(Math.abs((found?.expiresAt?.getTime() ?? 0) - expiresAt.getTime())).toBeLessThan(60_000)
    expect(await bench.use(made.plaintext)).toBe(true)
    await bench.moveTo(new Date(expiresAt.getTime() + 60_000))
    expect(await bench.use(made.plaintext)).toBe(false)
    await expectRefusedUnasked(bench, ended)
  })

  for (const reset of ['daily', 'weekly', 'monthly'] as const) {
    test(`${name}: what is declared about a ${reset} cap is true`, async () => {
      await using bench = await open()
      const { adapter, credential } = bench
      if (!adapter.capabilities.resets.includes(reset))
        return await expectRefusedUnasked(bench, keyOf({ reset }))
      const made = await adapter.createKey(credential, keyOf({ reset, cap: usd(1) }))
      expect(made.made.reset).toBe(reset)
      await bench.spend(made.id, 1)
      expect(await adapter.findKey(credential, made.id)).toMatchObject({
        reset,
        usedInWindow: usd(1),
      })
      expect(await bench.use(made.plaintext)).toBe(false)
      await bench.moveTo(nextWindow(reset, new Date()))
      expect(await bench.use(made.plaintext)).toBe(true)
      const fresh = await adapter.findKey(credential, made.id)
      expect(fresh?.usedInWindow).toBeLessThan(usd(0.5))
      if (adapter.capabilities.keepsTotal) expect(fresh?.usage).toBeGreaterThan(usd(0.99))
      else expect(fresh?.usage).toBeNull()
      if (fresh?.windowEndsAt)
        expect(fresh.windowEndsAt.getTime()).toBeGreaterThan(
          nextWindow(reset, new Date()).getTime(),
        )
      expect((await adapter.findKey(credential, made.id))?.cap).toBe(usd(1))
    })
  }

  test(`${name}: what is declared about options is true, and every field is named once`, async () => {
    await using bench = await open()
    const { capabilities } = bench.adapter
    await expectRefusedUnasked(bench, keyOf({ options: { nothing: 'of the kind' } }))
    for (const { name: option, choices } of capabilities.options) {
      expect(choices.length).toBeGreaterThan(0)
      await expectRefusedUnasked(bench, keyOf({ options: { [option]: 'no such choice' } }))
    }
    const names = capabilities.fields.map((field) => field.name)
    expect(new Set(names).size).toBe(names.length)
    expect(
      capabilities.fields.filter(({ kind }) => kind === 'secret').map((field) => field.name),
    ).toEqual(['secret'])
  })

  test(`${name}: a key that is there is limited to other models, and to none again`, async () => {
    await using bench = await open()
    const { adapter, credential, models } = bench
    if (adapter.capabilities.modelList === 'none')
      return void expect([adapter.guardrails, adapter.models]).toEqual([undefined, undefined])
    const [allowed, other] = models!
    const listed = (await adapter.models!.list(credential)).map(({ id }) => id)
    expect(listed).toEqual(expect.arrayContaining([allowed, other]))
    const made = await adapter.createKey(credential, keyOf())
    const uses = async () => [
      await bench.use(made.plaintext, allowed),
      await bench.use(made.plaintext, other),
    ]
    if (adapter.capabilities.modelList === 'key') {
      expect(await adapter.changeKey(credential, made.id, { models: [allowed] })).toMatchObject({
        models: [allowed],
      })
      expect(await uses()).toEqual([true, false])
      await adapter.changeKey(credential, made.id, { models: [] })
      return void expect(await uses()).toEqual([true, true])
    }
    const guardrails = adapter.guardrails!(credential)
    const { id } = await guardrails.createGuardrail({
      name: 'a-list',
      description: 'for a test',
      limit: null,
      allowedModels: [allowed],
    })
    expect(await guardrails.assignKeys(id, [made.id])).toBe(1)
    expect(await guardrails.listAssignedHashes(id)).toEqual(new Set([made.id]))
    expect(await uses()).toEqual([true, false])
    await guardrails.unassignKeys(id, [made.id])
    await guardrails.unassignKeys(id, [made.id])
    expect(await uses()).toEqual([true, true])
  })

  test(`${name}: what is declared about models is true`, async () => {
    await using bench = await open()
    const { adapter, credential, models } = bench
    if (adapter.capabilities.modelList !== 'key')
      return await expectRefusedUnasked(bench, keyOf({ models: ['a-model'] }))
    const [allowed, other] = models!
    const made = await adapter.createKey(credential, keyOf({ models: [allowed] }))
    expect(await bench.use(made.plaintext, allowed)).toBe(true)
    expect(await bench.use(made.plaintext, other)).toBe(false)
    const free = await adapter.createKey(credential, keyOf())
    expect(await bench.use(free.plaintext, other)).toBe(true)
  })
}
