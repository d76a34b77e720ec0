/** The bench of a ServiceAdapter under test, and what the suites of its conformance share. */
import { inspect } from 'node:util'
import { expect } from 'vitest'
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
  /** Those of them that make something usable, where a create is more than one request. */
  creates?(): Promise<number>
  /** No message of the service is passed on, and it never says when to come back. */
  silent?: boolean
  /** Every plaintext that the service has made, lost ones too. */
  plaintexts(): Promise<string[]>
}

export const usd = (amount: number): NanoUsd => BigInt(Math.round(amount * 1e9))
let names = 0
export const keyOf = (change: Partial<NewServiceKey> = {}): NewServiceKey => ({
  name: `km/test/team-${++names}/a${names}`,
  cap: usd(2),
  reset: null,
  expiresAt: null,
  models: null,
  keyId: '0b6c1b1e-0000-4000-8000-000000000001',
  options: {},
  ...change,
})
export const nobody = 'ab'.repeat(32)

/** Its usage comes from the key and the meter alone; a list shows only that the key is there. */
export const isMetered = ({ adapter }: Pick<ServiceBench, 'adapter'>) =>
  adapter.capabilities.readEverySeconds !== null

/** What the service holds of a cap: nothing, where Keymint does. */
export const capOf = ({ adapter }: Pick<ServiceBench, 'adapter'>, amount: number) =>
  adapter.capabilities.capBy === 'service' ? usd(amount) : null

/** The whole list, as a caller that goes through its pages sees it. */
export async function listed({ adapter, credential }: ServiceBench): Promise<ServiceKey[]> {
  const keys: ServiceKey[] = []
  for await (const page of adapter.listKeys(credential)) keys.push(...page.keys)
  return keys
}

export async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (caught: unknown) => caught,
  )
  if (!isProviderError(error)) throw new Error(`not a ProviderError: ${inspect(error)}`)
  return error
}

export const nextWindow = (reset: ServiceReset, from: Date): Date => {
  const [year, month, day] = [from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()]
  const start =
    reset === 'monthly'
      ? Date.UTC(year, month + 1, 1)
      : reset === 'daily'
        ? Date.UTC(year, month, day + 1)
        : Date.UTC(year, month, day + 7 - ((from.getUTCDay() + 6) % 7))
  return new Date(start + 60_000)
}

/** Refused for certain, with a sentence, and without a request. */
export async function expectRefusedUnasked(bench: ServiceBench, key: NewServiceKey): Promise<void> {
  const before = await bench.requests()
  const { details } = await failureOf(bench.adapter.createKey(bench.credential, key))
  expect(details).toMatchObject({
    kind: 'rejected',
    reason: 'refused',
    providerMessage: expect.stringMatching(/\.$/) as string,
  })
  expect(await bench.requests()).toBe(before)
}
