/**
 * How many pre-minted keys a workshop should have now, which of them must go and how many are made.
 * Pure: rows and the file decide. What is made never passes the pool, and what no longer fits the
 * file is never kept for a claim.
 */
import type { NanoUsd } from '~/money'
import { committedAt } from '../workshop/worst-case'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import type { SpareEnd } from './spare-holder.server'

/** Keys are made this long before claims open, so that a failing provider has time to recover. */
export const premintLeadMs = 60 * 60_000
/** More are made by the next pass. */
export const maxMadeAtOnce = 40

/** A spare that lives, oldest first. */
export type LiveSpare = {
  id: string
  state: 'pending' | 'ready'
  /** Its cap, reset, end and models are those of the file. */
  fits: boolean
  /** Nothing is wrong with its key: not off, not gone, not used by anybody. */
  sound: boolean
}

export type StockFacts = {
  /** Null: the file is gone. */
  workshop: Workshop | null
  now: Date
  /** Staff have ended the workshop. */
  ended: boolean
  /** Nothing keeps keys from being made: no switch, no pause, no parked account. */
  mayMake: boolean
  /** One was refused or became unusable in the last minutes: making the next would repeat that. */
  failedLately: boolean
  committed: NanoUsd
  seats: number
  /** Seats left of MAX_TOTAL_KEYS; null where the workshop does not count there. */
  totalSeatsLeft: number | null
  live: readonly LiveSpare[]
}

export type StockDecision = { close: { id: string; reason: SpareEnd }[]; make: number }

export function decideStock(facts: StockFacts): StockDecision {
  const { workshop, now, live } = facts
  const all = (reason: SpareEnd) => live.map(({ id }) => ({ id, reason }))
  if (!workshop || facts.ended || windowState(workshop, now) === 'closed')
    return { close: all('closed'), make: 0 }
  if (workshop.premint === null || workshop.keyExpiresAt === null)
    return { close: all('not-needed'), make: 0 }

  const unfit = live
    .filter(({ fits, sound }) => !fits || !sound)
    .map(({ id, fits }) => ({
      id,
      reason: fits ? ('unusable' as const) : ('terms-changed' as const),
    }))
  const good = live.filter(({ fits, sound }) => fits && sound)
  const unit = committedAt(workshop, now)
  const wanted = Math.min(
    workshop.premint,
    workshop.maxKeys === null ? Infinity : Math.max(0, workshop.maxKeys - facts.seats),
    facts.totalSeatsLeft ?? Infinity,
  )
  // A pool that was lowered below what it holds: what nobody has taken goes first.
  const passed = workshop.poolLimit === null ? 0n : facts.committed - workshop.poolLimit
  const tooMany = passed > 0n ? Number((passed + unit - 1n) / unit) : 0
  const kept = Math.max(0, Math.min(wanted, good.length - tooMany))
  // Those that are not made yet go before those that are.
  const byUse = [...good].sort(
    (a, b) => Number(a.state === 'pending') - Number(b.state === 'pending'),
  )
  const surplus = byUse.slice(kept).map(({ id }) => ({ id, reason: 'not-needed' as const }))
  const close = [...unfit, ...surplus]
  if (!facts.mayMake || facts.failedLately || !isTime(workshop, now)) return { close, make: 0 }
  const fitting = workshop.poolLimit === null ? Infinity : passed >= 0n ? 0 : Number(-passed / unit)
  return { close, make: Math.max(0, Math.min(wanted - kept, fitting, maxMadeAtOnce)) }
}

const isTime = ({ claimsOpenAt }: Workshop, now: Date) =>
  claimsOpenAt === null || now.getTime() >= claimsOpenAt.getTime() - premintLeadMs
