/**
 * A web process of the build (`npm run build` first), people who are signed in to it, and requests
 * as their browsers make them: compressed, each from an address of its own.
 */
import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { createCookie } from '@remix-run/node'
import pLimit from 'p-limit'
import { startSession } from '~/domain/people/session.server'
import { freePort } from '../simulators/free-port'
import type { World } from '../tests/world'

const sessionSecret = 'x'.repeat(32)

/** A cookie of a session for each of them; who stands there twice has two browsers. */
export async function signedIn(world: World, userIds: readonly string[]): Promise<string[]> {
  const limit = pLimit(8)
  const cookie = createCookie('session', { secrets: [sessionSecret], path: '/' })
  return Promise.all(
    userIds.map((userId) =>
      limit(async () => {
        const token = await startSession(world.ctx, { userId, provider: 'github', userAgent: null })
        return (await cookie.serialize(token)).split(';')[0] ?? ''
      }),
    ),
  )
}

/** Started and answering. `change` is of its environment. */
export async function startWeb(
  world: World,
  change: Record<string, string> = {},
): Promise<{ port: number; pid: number; stop: () => void }> {
  const port = await freePort()
  const child = spawn(process.execPath, ['build/node/server.js'], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      PORT: String(port),
      DATABASE_URL: world.database.url,
      APP_ORIGIN: `http://localhost:${port}`,
      SESSION_SECRET: sessionSecret,
      ENCRYPTION_KEY: world.encryptionKey.toString('base64'),
      OPENROUTER_MANAGEMENT_KEY: world.upstream.managementKey,
      OPENROUTER_BASE_URL: world.upstream.baseUrl,
      GITHUB_CLIENT_ID: 'x',
      GITHUB_CLIENT_SECRET: 'x',
      GOOGLE_CLIENT_ID: 'x',
      GOOGLE_CLIENT_SECRET: 'x',
      PROVISIONING_ENABLED: 'true',
      LOG_LEVEL: 'error',
      ...change,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  for (let tries = 0; tries < 200; tries++) {
    if ((await ask({ port, path: '/healthz', person: 1 })).status === 200) break
    await sleep(100)
  }
  return { port, pid: child.pid ?? 0, stop: () => void child.kill('SIGKILL') }
}

const agent = new Agent({ keepAlive: true })

type BrowserRequest = {
  port: number
  path: string
  /** Makes the address that the request comes from. */
  person: number
  cookie?: string
  method?: 'GET' | 'POST'
  accept?: string
  timeoutMs?: number
}

/** Never throws: status 0 where no answer came. */
export function ask({
  port,
  path,
  person,
  cookie = '',
  method = 'GET',
  accept = '*/*',
  timeoutMs = 10_000,
}: BrowserRequest): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const headers = {
      cookie,
      accept,
      origin: `http://localhost:${port}`,
      'accept-encoding': 'gzip, br',
      'x-forwarded-for': `10.${person >> 16}.${(person >> 8) & 255}.${person & 255}`,
      ...(method === 'POST'
        ? { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }
        : {}),
    }
    const sent = request({ port, path, method, agent, headers, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: decoded(Buffer.concat(chunks), response.headers['content-encoding']),
        }),
      )
      response.on('error', () => resolve({ status: 0, body: '' }))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve({ status: 0, body: '' }))
    sent.end()
  })
}

const decoded = (body: Buffer, encoding: string | undefined): string =>
  (encoding === 'br'
    ? brotliDecompressSync(body)
    : encoding === 'gzip'
      ? gunzipSync(body)
      : body
  ).toString()
