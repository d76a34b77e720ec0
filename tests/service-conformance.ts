/**
 * What every ServiceAdapter must do, asked of each against a stand-in on a real port: call
 * `conformanceOf` from the adapter's test. A bench is the adapter with a credential, and a hand
 * inside the stand-in.
 */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { NanoUsd } from '~/money'
import { isProviderError, type ProviderError } from '../app/adapters/provider-error'
import type {
  NewServiceKey,
  ServiceAdapter,
  ServiceCredential,
  ServiceKey,
  ServiceReset,
} from '../app/adapters/service-adapter'

export type ConformanceFault = {
  call: 'create' | 'update' | 'delete' | 'find' | 'list'
  fault: string
  status?: number
  message?: string
  retryAfterSeconds?: number
  times?: number
}

export type ServiceBench = AsyncDisposable & {
  adapter: ServiceAdapter
  credential: ServiceCredential
  /** The address at which nothing listens any more, for a service that is down. */
  unreachable(): Promise<{ adapter: ServiceAdapter; credential: ServiceCredential }>
  /** Charges the key past all rules. */
  spend(id: string, usd: number): Promise<void>
  /**
   * Uses the key as its holder would, on a model of its list if it has one. True when it was
   * served.
   */
  use(plaintext: string, model?: string): Promise<boolean>
  /** Two models of the service, where it has models. */
  models?: [string, string]
  /** Sets the clock of the service; the adapter's own stays. */
  moveTo(at: Date): Promise<void>
  strike(fault: ConformanceFault): Promise<void>
  /** Requests that the service has received. */
  requests(): Promise<number>
  /** Every plaintext that the service has made, lost ones too. */
  plaintexts(): Promise<string[]>
}

const usd = (amount: number): NanoUsd => BigInt(Math.round(amount * 1e9))
let names = 0
const keyOf = (change: Partial<NewServiceKey> = {}): NewServiceKey => ({
  name: `km/test/team-${++names}/a`,
  cap: usd(2),
  reset: null,
  expiresAt: null,
  models: null,
  ...change,
})
const nobody = 'ab'.repeat(32)

/** The whole list, as a caller that goes through its pages sees it. */
async function listed({ adapter, credential }: ServiceBench): Promise<ServiceKey[]> {
  const keys: ServiceKey[] = []
  for await (const page of adapter.listKeys(credential)) keys.push(...page.keys)
  return keys
}

async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (caught: unknown) => caught,
  )
  if (!isProviderError(error)) throw new Error(`not a ProviderError: ${inspect(error)}`)
  return error
}

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

/** Registers the suite. `open` gives a fresh bench for each test. */
export function conformanceOf(name: string, open: () => Promise<ServiceBench>): void {
  test(`${name}: a key is made, found by id and in the list under its name, used, and deleted for good`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const wanted = keyOf({ cap: usd(1.234567891) })
    const made = await adapter.createKey(credential, wanted)
    // What the service says it made is compared with what was asked before the key counts.
    expect(made.made).toMatchObject({ cap: wanted.cap, reset: null })
    expect(made.made.disabled ?? false).toBe(false)
    expect(made.made.expiresAt ?? null).toBeNull()
    expect(made.plaintext.length).toBeGreaterThan(15)
    expect(made.label).not.toContain(made.plaintext)
    expect(made.label.length).toBeLessThan(made.plaintext.length)
    const found = await adapter.findKey(credential, made.id)
    expect(found).toMatchObject({
      id: made.id,
      name: wanted.name,
      cap: wanted.cap,
      reset: null,
      usedInWindow: 0n,
      disabled: false,
      expiresAt: null,
    } satisfies Partial<ServiceKey>)
    expect(inspect(found, { depth: 9 })).not.toContain(made.plaintext)
    expect(await listed(bench)).toContainEqual(found)
    expect(await bench.use(made.plaintext)).toBe(true)
    await adapter.deleteKey(credential, made.id)
    expect(await adapter.findKey(credential, made.id)).toBeNull()
    expect((await listed(bench)).map((key) => key.id)).not.toContain(made.id)
    expect(await bench.use(made.plaintext)).toBe(false)
  })

  test(`${name}: the cap stops the key, and a new cap, higher or lower, counts at once`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    expect(adapter.capabilities.hardCap).toBe(true)
    const made = await adapter.createKey(credential, keyOf({ cap: usd(2) }))
    await bench.spend(made.id, 2)
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
    for (let times = 0; times < 2; times++)
      expect(await adapter.changeKey(credential, made.id, { disabled: true })).toMatchObject({
        id: made.id,
        disabled: true,
        cap: usd(2),
        usedInWindow: usd(0.5),
      })
    expect(await bench.use(made.plaintext)).toBe(false)
    expect(await adapter.findKey(credential, made.id)).toMatchObject({
      disabled: true,
      usedInWindow: usd(0.5),
    })
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
        cap: usd(0.5),
        reset: null,
      })
    expect(await bench.use(made.plaintext)).toBe(false)
    const reopened = { disabled: false, limit: usd(3), reset }
    for (let times = 0; times < 2; times++)
      expect(await adapter.changeKey(credential, made.id, reopened)).toMatchObject({
        disabled: false,
        cap: usd(3),
        reset,
      })
    expect(await adapter.findKey(credential, made.id)).toMatchObject({
      disabled: false,
      cap: usd(3),
      reset,
    })
    expect(await bench.use(made.plaintext)).toBe(true)
    // What is absent stays.
    expect(await adapter.changeKey(credential, made.id, { disabled: true })).toMatchObject({
      cap: usd(3),
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
      cap: usd(1),
    })
  })

  test(`${name}: usage is read exactly, of one key by itself and in the list`, async () => {
    await using bench = await open()
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

  test(`${name}: an answer that is lost, cut or an error after the work is ambiguous, and the key is found under its name`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    for (const fault of ['reset-after', '500-after', 'unreadable']) {
      const wanted = keyOf()
      await bench.strike({ call: 'create', fault, times: 1 })
      const error = await failureOf(adapter.createKey(credential, wanted))
      expect(error.details.kind, fault).toBe('ambiguous')
      expect(
        (await listed(bench)).map((key) => key.name),
        fault,
      ).toContain(wanted.name)
    }
    expect(await bench.plaintexts()).toHaveLength(3)
  })

  test(`${name}: a create is one request, whatever becomes of it`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    for (const fault of ['reset-before', 'reset-after', '500', '503', '429', '502-html']) {
      const before = await bench.requests()
      await bench.strike({ call: 'create', fault })
      await failureOf(adapter.createKey(credential, keyOf()))
      expect((await bench.requests()) - before, fault).toBe(1)
    }
  })

  test(`${name}: certain refusals are told from those that may pass, and say when to come back`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const table: [Omit<ConformanceFault, 'call'>, object][] = [
      [
        { fault: '429', retryAfterSeconds: 7 },
        { kind: 'retryable', reason: 'rate-limited', retryAfterSeconds: 7 },
      ],
      [{ fault: '401' }, { kind: 'retryable', reason: 'unauthorized' }],
      [{ fault: '403' }, { kind: 'retryable', reason: 'forbidden' }],
      [
        { fault: 'refuse', status: 400, message: 'no such thing' },
        { kind: 'rejected', reason: 'bad-request', providerMessage: 'no such thing' },
      ],
      [{ fault: '500' }, { kind: 'ambiguous', reason: 'server-error' }],
      [{ fault: '502-html' }, { kind: 'ambiguous', reason: 'server-error' }],
      [{ fault: 'reset-before' }, { kind: 'ambiguous', reason: 'connection-lost' }],
    ]
    for (const [fault, details] of table) {
      await bench.strike({ call: 'create', times: 1, ...fault })
      expect(
        (await failureOf(adapter.createKey(credential, keyOf()))).details,
        fault.fault,
      ).toMatchObject(details)
    }
    const down = await bench.unreachable()
    expect(
      (await failureOf(down.adapter.createKey(down.credential, keyOf()))).details,
    ).toMatchObject({ kind: 'retryable', reason: 'unreachable' })
  })

  test(`${name}: no error, whatever struck, holds the credential or a plaintext`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const { id } = await adapter.createKey(credential, keyOf())
    const secrets = async () => [credential.secret, ...(await bench.plaintexts())]
    const errors: ProviderError[] = []
    for (const fault of [
      '401',
      '403',
      '429',
      '500',
      '502-html',
      'reset-after',
      '500-after',
      'unreadable',
    ]) {
      await bench.strike({ call: 'create', fault, times: 1 })
      errors.push(await failureOf(adapter.createKey(credential, keyOf())))
    }
    for (const call of ['update', 'find', 'list', 'delete'] as const) {
      await bench.strike({
        call,
        fault: 'refuse',
        status: 400,
        message: `The key ${credential.secret} may not`,
      })
      const work = {
        update: () => adapter.changeKey(credential, id, { limit: usd(1) }),
        find: () => adapter.findKey(credential, id),
        list: () => listed(bench),
        delete: () => adapter.deleteKey(credential, id),
      }[call]
      errors.push(await failureOf(work()))
    }
    errors.push(
      await failureOf(
        adapter.createKey({ ...credential, secret: `${credential.secret}x` }, keyOf()),
      ),
    )
    for (const error of errors) {
      const said = [
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(error.details),
        error.stack ?? '',
      ].join('\n')
      for (const secret of await secrets()) expect(said).not.toContain(secret)
      expect(error.cause).toBeUndefined()
    }
  })

  test(`${name}: a good credential has a mask, a wrong one and a mere sub-key a problem`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const good = await adapter.verifyCredential(credential)
    expect(good).toEqual({ ok: true, label: expect.any(String) as string })
    expect(JSON.stringify(good)).not.toContain(credential.secret)
    const made = await adapter.createKey(credential, keyOf())
    const down = await bench.unreachable()
    for (const [which, bad] of [
      [adapter, { ...credential, secret: `${credential.secret.slice(0, -4)}0000` }],
      [adapter, { ...credential, secret: made.plaintext }],
      [down.adapter, down.credential],
    ] as const) {
      const verdict = await which.verifyCredential(bad)
      expect(verdict).toMatchObject({ ok: false, problem: { code: 'provider-error' } })
      expect(JSON.stringify(verdict)).not.toContain(bad.secret)
    }
    expect(await listed(bench)).toHaveLength(1)
  })

  test(`${name}: what is declared about ends is true`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const expiresAt = new Date(Date.now() + 3_600_000)
    if (!adapter.capabilities.expiry) return await expectRefusedUnasked(bench, keyOf({ expiresAt }))
    const made = await adapter.createKey(credential, keyOf({ expiresAt }))
    // Absent is unknown, another time would be another key.
    if (made.made.expiresAt)
      expect(Math.abs(made.made.expiresAt.getTime() - expiresAt.getTime())).toBeLessThan(1_000)
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
