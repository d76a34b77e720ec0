/**
 * Many people watch claims that wait, at one web process: who gets an answer, and how long it takes.
 * Each asks as the page does, by the interval that it was told. The web process is the built one
 * (`npm run build` first). BENCH_WATCHERS and BENCH_SECONDS change the size. Prints numbers, asserts
 * nothing.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import { claimKey } from '~/domain/claim/claim.server'
import { migrate } from '../prisma/migrate'
import { createTemplate } from '../simulators/postgres/template'
import { startPostgres } from '../simulators/postgres/server'
import { openWorld, type World } from '../tests/world'
import { ask, signedIn, startWeb } from './web'

const watchers = Number(process.env.BENCH_WATCHERS ?? 2_000)
const claims = Math.min(watchers, 250)
const seconds = Number(process.env.BENCH_SECONDS ?? 40)
const slug = 'test-workshop'

type Answer = { at: number; ms: number; kind: 'pulse' | 'later' | '503' | 'other' | 'none' }

/** Several browsers of one person: a poll costs the same, and the start of the bench less. */
async function watchersOf(world: World): Promise<string[]> {
  const limit = pLimit(8)
  const people = await world.people(claims)
  await Promise.all(
    people.map((person) =>
      limit(() => claimKey(world.ctx, { workshopSlug: slug, person, optIn: false })),
    ),
  )
  return signedIn(
    world,
    Array.from({ length: watchers }, (_, index) => people[index % claims]!.userId),
  )
}

async function watch(port: number, cookie: string, person: number, endsAt: number, out: Answer[]) {
  await sleep(Math.random() * 1_000)
  while (performance.now() < endsAt) {
    const startedAt = performance.now()
    const { status, body } = await ask({
      port,
      path: `/w/${slug}/claim/status`,
      cookie,
      person,
      accept: 'application/json',
    })
    const answer = status === 200 ? (JSON.parse(body) as { later?: number; next?: number }) : {}
    out.push({
      at: startedAt,
      ms: performance.now() - startedAt,
      kind:
        status === 200
          ? answer.later === undefined
            ? 'pulse'
            : 'later'
          : status === 503
            ? '503'
            : status === 0
              ? 'none'
              : 'other',
    })
    const told = answer.later ?? answer.next ?? 2_000
    await sleep(told * (0.8 + 0.4 * Math.random()))
  }
}

function print(what: string, answers: Answer[], overSeconds: number) {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(0)
  const count = (kind: Answer['kind']) => answers.filter((answer) => answer.kind === kind).length
  process.stdout.write(
    `${what}: ${(answers.length / overSeconds).toFixed(0)} answers a second; median ${at(0.5)} ms, ` +
      `p95 ${at(0.95)} ms; ${count('pulse')} with news, ${count('later')} told to ask later, ` +
      `${count('503')} of 503, ${count('other')} others, ${count('none')} without an answer\n`,
  )
}

const postgres = await startPostgres({ durable: true })
try {
  const template = await createTemplate(postgres.adminUrl, migrate)
  await using world = await openWorld({}, { adminUrl: postgres.adminUrl, template })
  const cookies = await watchersOf(world)
  const web = await startWeb(world)
  try {
    const startedAt = performance.now()
    const endsAt = startedAt + seconds * 1_000
    const answers: Answer[] = []
    await Promise.all(
      cookies.map((cookie, index) => watch(web.port, cookie, index, endsAt, answers)),
    )
    const half = startedAt + seconds * 500
    print(`${watchers} watchers, all ${seconds} s`, answers, seconds)
    const later = answers.filter(({ at }) => at >= half)
    print(`the second half`, later, seconds / 2)
    const status = await readFile(`/proc/${web.pid}/status`, 'utf8').catch(() => '')
    const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1]
    if (peak) process.stdout.write(`web, VmHWM: ${(Number(peak) / 1024).toFixed(0)} MiB\n`)
  } finally {
    web.stop()
  }
} finally {
  await postgres.stop()
}
process.exit(0)
