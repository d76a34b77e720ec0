/**
 * Windows and expiry go by this machine's clock, what machines compare by Postgres's, and a key
 * ends by the provider's: they must agree.
 */
import { fail, ok, skipped, warn, type Finding, type Patient } from './doctor-check'

const warnAfterSeconds = 5
const failAfterSeconds = 60
const slowAnswerMs = 1_000
const maxTries = 3

type Clock = { whose: string; aheadSeconds: number }

export async function checkClock(patient: Patient): Promise<Finding> {
  const clocks = [
    await readAgainst(patient, 'the database’s clock', () => databaseTime(patient), 0),
    await readAgainst(patient, 'the provider’s clock', () => providerTime(patient), 500),
  ].filter((clock) => clock !== null)
  if (clocks.length === 0)
    return skipped('Not checked: neither the database nor the provider told the time.')
  const words = clocks
    .map(({ whose, aheadSeconds }) => `${whose} is ${offset(aheadSeconds)}`)
    .join(', ')
  const worst = Math.max(
    ...clocks.map(({ aheadSeconds }) => Math.abs(aheadSeconds)),
    spreadOf(clocks),
  )
  const remedy =
    'Repair the clock that is alone (NTP; restart the machine). Until then doors open and keys end at the wrong moment.'
  if (worst > failAfterSeconds)
    return fail(`The clocks disagree: seen from this machine, ${words}.`, remedy)
  if (worst > warnAfterSeconds)
    return warn(`The clocks disagree a little: seen from this machine, ${words}.`, remedy)
  return ok(`Seen from this machine, ${words}.`)
}

/**
 * Null when that clock could not be read. `grainMs` is added to a clock that tells whole seconds
 * only.
 */
async function readAgainst(
  patient: Patient,
  whose: string,
  read: () => Promise<Date | null>,
  grainMs: number,
): Promise<Clock | null> {
  try {
    for (let tries = 1; ; tries++) {
      const before = patient.now().getTime()
      const time = await read()
      const after = patient.now().getTime()
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

async function databaseTime({ db }: Patient): Promise<Date | null> {
  if (!db) return null
  const [row] = await db.$queryRaw<{ now: Date }[]>`select clock_timestamp() as now`
  return row?.now ?? null
}

async function providerTime({ provider }: Patient): Promise<Date | null> {
  return (await provider?.readManagementKey())?.serverTime ?? null
}

function spreadOf(clocks: Clock[]): number {
  const offsets = clocks.map(({ aheadSeconds }) => aheadSeconds)
  return Math.max(...offsets) - Math.min(...offsets)
}

/** Below a second the way of the answer is all there is to measure. */
function offset(seconds: number): string {
  if (Math.abs(seconds) < 1) return 'within a second'
  return `${Math.round(Math.abs(seconds))} s ${seconds > 0 ? 'ahead' : 'behind'}`
}
