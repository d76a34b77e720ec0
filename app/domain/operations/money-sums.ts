/**
 * Money in three sums, the same on every page: what was spent, what keys given out may still
 * spend, and what is left to hand out. Pure.
 */
import type { NanoUsd } from '~/money'
import { moneyView, type MoneyView } from '../money-view'
import { committedAt, firstClaimAt } from '../workshop/worst-case'
import type { Workshop } from '../workshop-file'

export type MoneySums = {
  spent: MoneyView
  maySpend: MoneyView
  /** Null where neither a pool nor a number of keys bounds it. */
  left: MoneyView | null
  /** The three together: the whole of the bar. Null without a bound. */
  whole: MoneyView | null
  /** How many more keys that is; null without a bound. */
  keysLeft: number | null
  /** At the pace of the last half hour all of it is spent then; null where that says nothing. */
  lastsUntil: string | null
}

export function moneySums(facts: {
  /** Null where the file is gone or broken, or the workshop is over: nothing is handed out. */
  workshop: Workshop | null
  committed: NanoUsd
  spent: NanoUsd
  seats: number
  /** Spent for each hour, lately. */
  hourly: NanoUsd
  now: Date
}): MoneySums {
  const { workshop, committed, spent, seats, now } = facts
  const maySpend = positive(committed - spent)
  const perKey = workshop && committedAt(workshop, firstClaimAt(workshop, now))
  const seatsLeft = workshop?.maxKeys == null ? null : BigInt(Math.max(0, workshop.maxKeys - seats))
  const inPool = workshop?.poolLimit == null ? null : positive(workshop.poolLimit - committed)
  const bySeats = seatsLeft === null || perKey === null ? null : seatsLeft * perKey
  const left = workshop === null ? 0n : smaller(inPool, bySeats)
  const keysLeft =
    workshop === null ? 0n : smaller(inPool === null || !perKey ? null : inPool / perKey, seatsLeft)
  const ahead = left === null ? null : maySpend + left
  return {
    spent: moneyView(spent),
    maySpend: moneyView(maySpend),
    left: left === null ? null : moneyView(left),
    whole: ahead === null ? null : moneyView(spent + ahead),
    keysLeft: keysLeft === null ? null : Number(keysLeft),
    lastsUntil: ahead === null ? null : lastsUntil(ahead, facts.hourly, now),
  }
}

const hourMs = 3_600_000
const longestMs = 30 * 24 * hourMs

/** When `amount` is gone at this pace; null without one, or when that is more than a month away. */
export function lastsUntil(amount: NanoUsd, hourly: NanoUsd, now: Date): string | null {
  if (hourly <= 0n || amount <= 0n) return null
  const ms = Number((amount * BigInt(hourMs)) / hourly)
  return ms > longestMs ? null : new Date(now.getTime() + ms).toISOString()
}

const positive = (amount: NanoUsd) => (amount < 0n ? 0n : amount)
const smaller = (a: bigint | null, b: bigint | null) =>
  a === null ? b : b === null ? a : a < b ? a : b
