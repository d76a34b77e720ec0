/**
 * Windows and expiry use this machine's clock, comparisons between machines use Postgres's, and a
 * key ends by the provider's: they must agree.
 */
import type { Ctx } from '../ctx'
import type { TestedDeployment } from './readiness-check'
import { skipped, type Finding, type FindingValues } from './readiness-finding'

const warnAfterSeconds = 5
const failAfterSeconds = 60
const slowAnswerMs = 1_000
const maxTries = 3

type Clock = FindingValues['clocks']['clocks'][number]

export async function checkClock(tested: TestedDeployment): Promise<Finding> {
  const clocks = [
    await readAgainst(tested, 'database', () => databaseTime(tested), 0),
    await readAgainst(tested, 'provider', () => providerTime(tested), 500),
  ].filter((clock) => clock !== null)
  if (clocks.length === 0) return skipped({ code: 'no-clock' })
  const worst = Math.max(
    ...clocks.map(({ aheadSeconds }) => Math.abs(aheadSeconds)),
    spreadOf(clocks),
  )
  const severity = worst > failAfterSeconds ? 'error' : worst > warnAfterSeconds ? 'warning' : 'ok'
  return { code: 'clocks', severity, clocks }
}

/** Seconds that the database's clock is ahead of this machine's; null when it could not be read. */
export async function readDatabaseOffset(ctx: Pick<Ctx, 'db' | 'now'>): Promise<number | null> {
  const clock = await readAgainst(ctx, 'database', () => databaseTime(ctx), 0)
  return clock?.aheadSeconds ?? null
}

/**
 * Null when that clock could not be read. `grainMs` is added to a clock that tells whole seconds
 * only.
 */
async function readAgainst(
  tested: Pick<TestedDeployment, 'now'>,
  whose: Clock['whose'],
  read: () => Promise<Date | null>,
  grainMs: number,
): Promise<Clock | null> {
  try {
    for (let tries = 1; ; tries++) {
      const before = tested.now().getTime()
      const time = await read()
      const after = tested.now().getTime()
      // A slow answer, such as a first one that waited for its connection, says little about when
      // the clock was read.
      if (after - before > slowAnswerMs && tries < maxTries) continue
      return (
        time && { whose, aheadSeconds: (time.getTime() + grainMs - (before + after) / 2) / 1000 }
      )
    }
  } catch {
    return null
  }
}

async function databaseTime({ db }: Pick<TestedDeployment, 'db'>): Promise<Date | null> {
  if (!db) return null
  const [row] = await db.$queryRaw<{ now: Date }[]>`select clock_timestamp() as now`
  return row?.now ?? null
}

async function providerTime({ provider }: TestedDeployment): Promise<Date | null> {
  return (await provider?.readManagementKey())?.serverTime ?? null
}

function spreadOf(clocks: Clock[]): number {
  const offsets = clocks.map(({ aheadSeconds }) => aheadSeconds)
  return Math.max(...offsets) - Math.min(...offsets)
}
