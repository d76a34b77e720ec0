/**
 * What a machine has cost, between two readings. Pure. The note keeps what was used until `at`, whether
 * it ran then, and its highest rate.
 */
import { z } from 'zod'
import { nanoFromUsdNumber, type NanoUsd } from '~/money'
import { parseMeterNote } from './meter-note'

const meterSchema = z.object({
  at: z.number(),
  used: z.string().regex(/^\d+$/),
  on: z.boolean(),
  rate: z.string().regex(/^\d+$/),
})
export type Meter = z.output<typeof meterSchema>

type Machine = {
  status: string
  cost?: number | null | undefined
  createdAt: string
  startedAt?: string | null | undefined
}

const hourMs = 3_600_000n
export const diskGb = 20
/** USD a GB and month of a running machine's disk, of 730 hours. */
export const diskPerHour: NanoUsd = (100_000_000n * BigInt(diskGb)) / 730n

/** It costs nothing by the hour and serves nobody. */
export const isOff = ({ status }: Pick<Machine, 'status'>) =>
  status === 'EXITED' || status === 'ERROR'

export const timeOf = ({ createdAt }: Pick<Machine, 'createdAt'>) => new Date(createdAt).getTime()

export const parseMeter = (note: string | null): Meter | null => parseMeterNote(meterSchema, note)

/**
 * The time since the last reading counts in full where it ran at either end of it: rather too much
 * than too little. Without a note only what runs now is counted; the bill says the rest.
 */
export function nextMeter(pod: Machine, last: Meter | null, at: Date): Meter {
  const on = !isOff(pod)
  const cost = on ? nanoFromUsdNumber(pod.cost ?? 0) : 0n
  const shown = cost > 0n ? cost + diskPerHour : 0n
  const known = last ? BigInt(last.rate) : 0n
  const rate = shown > known ? shown : known
  const startedAt = pod.startedAt ? new Date(pod.startedAt).getTime() : timeOf(pod)
  const since = last?.at ?? (on ? startedAt : at.getTime())
  const counts = last ? last.on || on : on
  const passed = BigInt(Math.max(0, at.getTime() - since))
  const used = BigInt(last?.used ?? '0') + (counts ? (rate * passed) / hourMs : 0n)
  return { at: Math.max(since, at.getTime()), used: String(used), on, rate: String(rate) }
}
