/**
 * What five hostile proxies cost others: the time until an honest team and an open workshop have a
 * key, until one is disabled, and until its money is back, without them and beside them, in a worker
 * with a heap of 300 MB. PROOF_NEIGHBOUR_ROUNDS (default 1) measures each so often and takes the median.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimKey } from '~/domain/claim/claim.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { keyCeilings, setKeyCeiling } from '~/domain/team/key-ceiling.server'
import { deleteSubKey } from '~/domain/team/sub-key.server'
import { migrate } from '../../prisma/migrate'
import { hostileKinds, type HostileKind } from '../../simulators/litellm/hostile'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import type { Template } from '../../tests/database'
import { openTeam, openTeamWithServices } from '../../tests/team'
import { openWorld, type World } from '../../tests/world'
import type { Count, Proof } from './proof'

const rounds = Number(process.env.PROOF_NEIGHBOUR_ROUNDS ?? 1)
const heapMegabytes = 300
/** The goal: not longer than so many times, and a second for the grain of polling. */
const goal = { times: 1.5, seconds: 1 }
const workshopSlug = 'test-workshop'
const steps = ['a key', 'disabled', 'money back'] as const
type Seconds = Record<(typeof steps)[number], number>
type Measured = { team: Seconds; workshop: Seconds; workerLives: boolean; hostile: string[] }

export const neighbourProofs: Proof[] = [{ name: 'neighbours', run }]

async function run(): Promise<Count[]> {
  const postgres = await startPostgres()
  try {
    const template = {
      adminUrl: postgres.adminUrl,
      template: await createTemplate(postgres.adminUrl, migrate),
    }
    const alone = await measure(template, false)
    const beside = await measure(template, true)
    return [
      ...(['team', 'workshop'] as const).flatMap((who) =>
        steps.map((step): Count => {
          const [before, after] = [alone[who][step], beside[who][step]]
          return {
            what: `${who}: ${step}, ${before.toFixed(1)} s without five hostile proxies`,
            tried: rounds,
            failed: after > Math.max(before * goal.times, before + goal.seconds) ? 1 : 0,
            worstSeconds: after,
          }
        }),
      ),
      {
        what: `the worker lives on a heap of ${heapMegabytes} MB`,
        tried: 1,
        failed: beside.workerLives ? 0 : 1,
      },
      {
        what: `accounts that say what ails them: ${beside.hostile.join(', ')}`,
        tried: hostileKinds.length,
        failed: hostileKinds.length - beside.hostile.length,
      },
    ]
  } finally {
    await postgres.stop()
  }
}

async function measure(template: Template, besideHostile: boolean): Promise<Measured> {
  await using world = await openWorld({}, template)
  const worker = await world.spawnWorker({
    NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}`,
    ALLOW_PRIVATE_SERVICES: '127.0.0.0/8,::1/128',
    READ_USAGE_SECONDS: '5',
  })
  const honest = await openTeamWithServices(world)
  const account = await honest.depositLiteLlm()
  const accounts = besideHostile ? await openHostiles(world) : []
  const measured: { team: Seconds; workshop: Seconds }[] = []
  for (let round = 0; round < rounds; round++) {
    if (besideHostile) await press(world, accounts)
    const [team, workshop] = await Promise.all([
      teamRound(world, honest, account),
      workshopRound(world),
    ])
    const [teamBack = 0, workshopBack = 0] = await waitForMoney(world, [
      team.holderId,
      workshop.holderId,
    ])
    measured.push({
      team: { ...team.seconds, 'money back': teamBack },
      workshop: { ...workshop.seconds, 'money back': workshopBack },
    })
  }
  const failing = await world.db.account.findMany({ where: { readFailedAt: { not: null } } })
  const ails = new Set(failing.map(({ id }) => id))
  return {
    team: medians(measured.map(({ team }) => team)),
    workshop: medians(measured.map(({ workshop }) => workshop)),
    workerLives: worker.exitCode === null && worker.signalCode === null,
    hostile: accounts.filter(({ account: id }) => ails.has(id)).map(({ kind }) => kind),
  }
}

type Hostile = {
  kind: string
  team: Awaited<ReturnType<typeof openTeam>>
  account: string
  keys: string[]
}

/** Five teams with keys, whose proxies then turn. */
async function openHostiles(world: World): Promise<Hostile[]> {
  const opened: Hostile[] = []
  for (const kind of hostileKinds) {
    const proxy = await spawnProxy(kind)
    world.onClose(async () => proxy.stop())
    const team = await openTeam(world, { budget: 100_000 })
    // Their keys are more than the usual ceiling of a member allows.
    const { teamId, slug, ownerId: actorUserId } = team
    await setKeyCeiling(world.ctx, { teamId, slug, actorUserId, ceiling: keyCeilings.max })
    const account = await team.deposit('litellm', {
      secret: proxy.masterKey,
      baseUrl: proxy.baseUrl,
    })
    const keys: string[] = []
    for (let index = 0; index < 20; index++) keys.push(await team.provision(account))
    await until(async () =>
      (await Promise.all(keys.map((id) => team.row(id)))).every(({ state }) => state === 'ready'),
    )
    proxy.turn()
    opened.push({ kind, team, account, keys })
  }
  return opened
}

/** In a process of its own, so that its harm is not measured as ours. */
async function spawnProxy(kind: HostileKind) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'simulators/litellm/hostile-main.ts', kind],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const proxy = JSON.parse(line.toString()) as { baseUrl: string; masterKey: string }
  return {
    ...proxy,
    turn: () => void child.stdin.write('turn\n'),
    stop: () => void child.kill('SIGKILL'),
  }
}

/** Each of them asks for five keys and ends five. */
async function press(world: World, hostiles: readonly Hostile[]): Promise<void> {
  for (const { team, account, keys } of hostiles) {
    for (let index = 0; index < 5; index++) {
      await team.provision(account)
      const keyId = keys.pop()
      if (keyId)
        await deleteSubKey(world.ctx, { teamId: team.teamId, userId: team.ownerId, keyId }, 'harm')
    }
  }
}

type Ended = { holderId: string; seconds: Omit<Seconds, 'money back'> }

async function teamRound(
  world: World,
  honest: Awaited<ReturnType<typeof openTeamWithServices>>,
  account: string,
): Promise<Ended> {
  const asked = performance.now()
  const keyId = await honest.provision(account)
  await until(async () => (await honest.row(keyId)).state === 'ready')
  const ready = performance.now()
  await deleteSubKey(world.ctx, { teamId: honest.teamId, userId: honest.ownerId, keyId }, 'a proof')
  await until(async () => (await keyOf(world, keyId)).closedAt !== null)
  return { holderId: keyId, seconds: secondsOf([asked, ready, performance.now()]) }
}

async function workshopRound(world: World): Promise<Ended> {
  const [person] = await world.people(1)
  const { userId } = person!
  const asked = performance.now()
  const outcome = await claimKey(world.ctx, { workshopSlug, person: person!, optIn: false })
  if (outcome.kind === 'refused') throw new Error(JSON.stringify(outcome))
  const claim = () => world.db.workshopAttendance.findFirstOrThrow({ where: { userId } })
  await until(async () => (await claim()).state === 'ready')
  const ready = performance.now()
  const { claimId } = await claim()
  await giveBack(world.ctx, { claimId, userId })
  await until(async () => (await keyOf(world, claimId)).closedAt !== null)
  return { holderId: claimId, seconds: secondsOf([asked, ready, performance.now()]) }
}

const keyOf = (world: World, holderId: string) =>
  world.db.key.findFirstOrThrow({ where: { holderId } })

/** From a closed key to its money: engine time moves to each reading, and each has to be made. */
const readingSteps = [35, 35, 65, 305, 65]

/** Seconds that were spent waiting for the readings of each, until it was settled. */
async function waitForMoney(world: World, holders: readonly string[]): Promise<number[]> {
  const spent = holders.map(() => 0)
  for (const seconds of readingSteps) {
    const before = await Promise.all(holders.map((id) => keyOf(world, id)))
    await world.travel(seconds * 1000)
    const startedAt = performance.now()
    await Promise.all(
      holders.map(async (id, index) => {
        if (before[index]?.settledAt) return
        await until(async () => {
          const key = await keyOf(world, id)
          return key.settledAt !== null || key.ownReads > (before[index]?.ownReads ?? 0)
        })
        spent[index] = (spent[index] ?? 0) + (performance.now() - startedAt) / 1000
      }),
    )
  }
  const last = performance.now()
  await Promise.all(
    holders.map(async (id, index) => {
      await until(async () => (await keyOf(world, id)).settledAt !== null)
      spent[index] = (spent[index] ?? 0) + (performance.now() - last) / 1000
    }),
  )
  return spent
}

const secondsOf = ([asked, ready, off]: [number, number, number]) => ({
  'a key': (ready - asked) / 1000,
  disabled: (off - ready) / 1000,
})

function medians(all: Seconds[]): Seconds {
  const median = (step: keyof Seconds) =>
    all.map((one) => one[step]).sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0
  return {
    'a key': median('a key'),
    disabled: median('disabled'),
    'money back': median('money back'),
  }
}

async function until(holds: () => Promise<boolean>, seconds = 120): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s`)
    await sleep(50)
  }
}
