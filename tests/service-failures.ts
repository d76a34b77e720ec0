/** How a ServiceAdapter fails: what it knows for certain is told from doubt, and no secret is told. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { ProviderError } from '../app/adapters/provider-error'
import {
  failureOf,
  keyOf,
  listed,
  usd,
  type ConformanceFault,
  type ServiceBench,
} from './service-bench'

export function failuresOf(name: string, open: () => Promise<ServiceBench>): void {
  // A lost answer, a cut one and an error after the work.
  test(`${name}: what may have happened is ambiguous, and the key is found under its name`, async () => {
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
      const count = bench.creates ?? bench.requests
      const before = await count()
      await bench.strike({ call: 'create', fault })
      await failureOf(adapter.createKey(credential, keyOf()))
      expect((await count()) - before, fault).toBe(1)
    }
  })

  test(`${name}: certain refusals are told from those that may pass, and say when to come back`, async () => {
    await using bench = await open()
    const { adapter, credential } = bench
    const table: [Omit<ConformanceFault, 'call'>, object][] = [
      [
        { fault: '429', retryAfterSeconds: 7 },
        {
          kind: 'retryable',
          reason: 'rate-limited',
          ...(bench.silent ? {} : { retryAfterSeconds: 7 }),
        },
      ],
      [{ fault: '401' }, { kind: 'retryable', reason: 'unauthorized' }],
      [{ fault: '403' }, { kind: 'retryable', reason: 'forbidden' }],
      [
        { fault: 'refuse', status: 400, message: 'no such thing' },
        {
          kind: 'rejected',
          reason: 'bad-request',
          ...(bench.silent ? {} : { providerMessage: 'no such thing' }),
        },
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

  test(`${name}: no error, whatever its cause, holds the credential or a plaintext`, async () => {
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
        update: () => adapter.changeKey(credential, id, { disabled: true, limit: usd(1) }),
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
      const text = [
        inspect(error, { depth: 20, showHidden: true }),
        JSON.stringify(error.details),
        error.stack ?? '',
      ].join('\n')
      for (const secret of await secrets()) expect(text).not.toContain(secret)
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
      const result = await which.verifyCredential(bad)
      expect(result).toMatchObject({ ok: false, problem: { code: 'provider-error' } })
      expect(JSON.stringify(result)).not.toContain(bad.secret)
    }
    expect(await listed(bench)).toHaveLength(1)
  })
}
