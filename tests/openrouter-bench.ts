/**
 * What the OpenRouter adapter is tested against: the stand-in, and a server with one answer to
 * every request.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { createOpenRouter } from '~/adapters/openrouter.server'
import { isProviderError, type ProviderError } from '~/adapters/provider-error'
import { startOpenRouter } from '../simulators/openrouter/server'

export const managementKey = `sk-or-v1-${'5e'.repeat(32)}`
export const plaintext = `sk-or-v1-${'c0'.repeat(32)}`
export const keyInput = () => ({
  name: 'km/test/one',
  limit: 2_000_000_000n,
  limitReset: null,
  expiresAt: new Date(Date.now() + 3_600_000),
})

export async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (caught: unknown) => caught,
  )
  if (!isProviderError(error)) throw new Error(`not a ProviderError: ${String(error)}`)
  return error
}

export function expectNoSecret(error: Error) {
  for (const text of [
    inspect(error, { depth: 20, showHidden: true }),
    JSON.stringify(error),
    error.message,
    error.stack ?? '',
  ]) {
    expect(text).not.toContain(managementKey)
    expect(text).not.toContain('c0c0c0c0')
  }
  expect(error.cause).toBeUndefined()
}

export async function standInProvider() {
  const upstream = await startOpenRouter()
  const faults = (rules: object[]) =>
    fetch(upstream.faultsUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules }),
    })
  const provider = createOpenRouter({
    baseUrl: upstream.baseUrl,
    managementKey: upstream.managementKey,
  })
  return { upstream, provider, faults, [Symbol.asyncDispose]: () => upstream.stop() }
}

/** A provider whose server gives one answer to every request. */
export async function answering(
  status: number,
  body: string,
  options: {
    type?: string
    cutAfter?: number
    headers?: Record<string, string>
    log?: { warn: (facts: object) => void }
  } = {},
) {
  const server = createServer((_request, response) => {
    response.writeHead(status, {
      'content-type': options.type ?? 'application/json',
      ...options.headers,
      ...(options.cutAfter === undefined ? {} : { 'content-length': String(body.length) }),
    })
    if (options.cutAfter === undefined) return void response.end(body)
    response.write(body.slice(0, options.cutAfter), () => setImmediate(() => response.destroy()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const provider = createOpenRouter({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    managementKey,
    log: options.log,
  })
  return {
    provider,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A key as it travels. */
export const wireKey = (change: object = {}) => ({
  hash: 'h',
  label: 'l',
  name: 'n',
  disabled: false,
  limit: 1,
  limit_remaining: 1,
  limit_reset: null,
  include_byok_in_limit: false,
  usage: 0,
  usage_daily: 0,
  usage_weekly: 0,
  usage_monthly: 0,
  byok_usage: 0,
  byok_usage_daily: 0,
  byok_usage_weekly: 0,
  byok_usage_monthly: 0,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: null,
  expires_at: null,
  creator_user_id: null,
  external_user: null,
  workspace_id: '00000000-0000-4000-8000-000000000000',
  ...change,
})
