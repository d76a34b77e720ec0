/**
 * What a stranger costs others, measured at the built web process: the longest wait of
 * somebody else while bodies of 1 MB, 5 MB and without an end arrive, what becomes of slow headers
 * and bodies, and a flood from one address with 300 people behind it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { migrate } from '../../prisma/migrate'
import { startAppProcess, waitUntilReady } from '../../simulators/app-process'
import { buildOnce } from '../../simulators/build-once'
import { freePort } from '../../simulators/free-port'
import { startPostgres } from '../../simulators/postgres/server'
import { startWorld } from '../../simulators/world'
import type { Count, Proof } from './proof'

/** Nobody else may wait longer, whatever arrives. */
const maxHeldSeconds = 0.5
const crowdSize = 300
const floodSize = 3_000

export const strangerProofs: Proof[] = [{ name: 'door', run }]

type Web = { origin: string; port: number; lives: () => boolean }

async function run(): Promise<Count[]> {
  await buildOnce()
  const postgres = await startPostgres()
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-web-'))
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const world = await startWorld({ appOrigins: [origin], databaseUrl: postgres.adminUrl })
  await migrate(postgres.adminUrl)
  const env = {
    PATH: process.env.PATH ?? '',
    ...world.environment(origin),
    NODE_ENV: 'production' as const,
    DATABASE_URL: postgres.adminUrl,
    PORT: String(port),
    SESSION_SECRET: 'x'.repeat(43),
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    WORKSHOPS_DIR: folder,
    LOG_LEVEL: 'error',
  }
  const start = (name: string, entry: string) =>
    startAppProcess({ name, entry, env, logFile: path.join(folder, `${name}.log`) })
  const processes = [start('worker', 'build/node/worker.js'), start('web', 'build/node/server.js')]
  let ended = false
  for (const one of processes) void one.exited.then(() => (ended = true))
  try {
    await waitUntilReady(origin, processes, { timeoutMs: 60_000 })
    const web = { origin, port, lives: () => !ended }
    const counts = [
      ...(await bodies(web)),
      ...(await slowness(web)),
      ...(await flood(web)),
      { what: 'both processes live', tried: 1, failed: web.lives() ? 0 : 1 },
    ]
    return counts
  } catch (error) {
    process.stderr.write(readFileSync(path.join(folder, 'web.log'), 'utf8').slice(-4_000))
    throw error
  } finally {
    await Promise.all(processes.map((one) => one.stop()))
    await world.stop()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The longest answer to somebody else while `act` runs. */
async function heldWhile(web: Web, act: () => Promise<void>): Promise<number> {
  const watch = { over: false, worst: 0 }
  const watching = (async () => {
    while (!watch.over) {
      const askedAt = performance.now()
      await fetch(`${web.origin}/healthz`).then((answer) => answer.text())
      watch.worst = Math.max(watch.worst, (performance.now() - askedAt) / 1000)
      await sleep(5)
    }
  })()
  await act()
  await sleep(50)
  watch.over = true
  await watching
  return watch.worst
}

/** Posts so many bytes of `a&`, or without an end; the status, or 0 for a connection that was cut. */
function post(web: Web, url: string, bytes: number, chunked = false): Promise<number> {
  return new Promise((resolve) => {
    const request = httpRequest(`${web.origin}${url}`, {
      method: 'POST',
      headers: {
        origin: web.origin,
        'content-type': 'application/x-www-form-urlencoded',
        ...(chunked ? {} : { 'content-length': String(bytes) }),
      },
    })
    request.on('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', () => resolve(0))
    const chunk = 'a&'.repeat(8_192)
    let sent = 0
    const more = () => {
      while (sent < bytes && !request.destroyed) {
        sent += chunk.length
        if (!request.write(chunk)) return void request.once('drain', more)
      }
      if (!request.destroyed) request.end()
    }
    more()
  })
}

async function bodies(web: Web): Promise<Count[]> {
  const counts: Count[] = []
  for (const [name, bytes, chunked] of [
    ['64 KB, which is read', 65_536, false],
    ['1 MB', 1_000_000, false],
    ['5 MB', 5_000_000, false],
    ['an endless body', Number.POSITIVE_INFINITY, true],
  ] as const) {
    const statuses: number[] = []
    const worstSeconds = await heldWhile(web, async () => {
      for (const url of ['/auth/github', '/auth/google', '/sign-out'])
        statuses.push(...(await Promise.all([1, 2, 3].map(() => post(web, url, bytes, chunked)))))
    })
    const isRead = bytes <= 65_536
    counts.push({
      what: `event loop held by ${name}: ${[...new Set(statuses)].join(', ')}`,
      tried: statuses.length,
      failed:
        statuses.filter((status) => (isRead ? status !== 303 : status !== 413 && status !== 0))
          .length + (worstSeconds > maxHeldSeconds ? 1 : 0),
      worstSeconds,
    })
  }
  return counts
}

/** Sends `first`, then a byte each 500 ms; seconds until the connection ends. */
function drip(web: Web, first: string, more: string): Promise<{ seconds: number; text: string }> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const socket = connect(web.port, 'localhost')
    let text = ''
    const timer = setInterval(() => socket.writable && socket.write(more), 500)
    socket.on('data', (data) => (text += data.toString()))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve({ seconds: (performance.now() - startedAt) / 1000, text })
    })
    socket.write(first)
  })
}

async function slowness(web: Web): Promise<Count[]> {
  const head = `POST /auth/github HTTP/1.1\r\nHost: x\r\nOrigin: ${web.origin}\r\n`
  const kinds = [
    ['headers', 'GET / HTTP/1.1\r\n', 'a: b\r\n', 12],
    ['bodies', `${head}Content-Length: 60000\r\n\r\n`, 'a', 22],
  ] as const
  const counts: Count[] = []
  for (const [name, first, more, limit] of kinds) {
    const ends = { all: [] as { seconds: number; text: string }[] }
    const held = await heldWhile(web, async () => {
      ends.all = await Promise.all(Array.from({ length: 100 }, () => drip(web, first, more)))
    })
    counts.push({
      what: `a hundred slow ${name} end with 408; others waited ${held.toFixed(2)} s at most`,
      tried: 100,
      failed:
        ends.all.filter(({ seconds, text }) => seconds > limit || !text.includes(' 408 ')).length +
        (held > maxHeldSeconds ? 1 : 0),
      worstSeconds: Math.max(...ends.all.map(({ seconds }) => seconds)),
    })
  }
  return counts
}

const begin = (web: Web, cookie: string) =>
  fetch(`${web.origin}/auth/github`, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      origin: web.origin,
      'content-type': 'application/x-www-form-urlencoded',
      ...(cookie ? { cookie } : {}),
    },
    body: 'returnTo=%2F',
  })

/** One laptop floods the sign-in and its callback; then 300 people behind the same address sign in. */
async function flood(web: Web): Promise<Count[]> {
  const laptop = { tried: 0, refused: 0 }
  const seen = new Set<number>()
  for (let sent = 0; sent < floodSize; sent += 50) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const answer =
          index % 2 === 0
            ? await begin(web, '')
            : await fetch(`${web.origin}/auth/github/callback?state=x&code=y`, {
                redirect: 'manual',
              })
        await answer.text()
        return answer.status
      }),
    )
    for (const status of answers) {
      laptop.tried++
      seen.add(status)
      if (status === 429) laptop.refused++
    }
  }
  const crowd = { refused: 0, worst: 0 }
  const people = Array.from({ length: crowdSize }, (_, index) => index)
  for (let at = 0; at < crowdSize; at += 25)
    await Promise.all(
      people.slice(at, at + 25).map(async () => {
        const askedAt = performance.now()
        const page = await fetch(`${web.origin}/sign-in`)
        await page.text()
        const cookie = page.headers
          .getSetCookie()
          .map((line) => line.split(';')[0])
          .join('; ')
        const answer = await begin(web, cookie)
        await answer.text()
        if (answer.status !== 303) crowd.refused++
        crowd.worst = Math.max(crowd.worst, (performance.now() - askedAt) / 1000)
      }),
    )
  return [
    {
      what: `a flood without a session is refused: ${laptop.refused} of ${laptop.tried} (${[...seen].join(', ')})`,
      tried: laptop.tried,
      failed: laptop.refused > 0 ? 0 : 1,
    },
    {
      what: 'people behind the same address who begin to sign in meanwhile, and are refused',
      tried: crowdSize,
      failed: crowd.refused,
      worstSeconds: crowd.worst,
    },
  ]
}
