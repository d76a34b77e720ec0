/** What was spent in all, and in the current day, week and month. */
import { windowStart, type Interval } from '../shared/money.ts'

export interface SpendCounter {
  totalNano: number
  dailyNano: number
  weeklyNano: number
  monthlyNano: number
  /** When the last spend happened; a window that began later holds nothing. */
  lastSpendAt: number
}

export function makeCounter(): SpendCounter {
  return { totalNano: 0, dailyNano: 0, weeklyNano: 0, monthlyNano: 0, lastSpendAt: 0 }
}

/** What was spent in the window that holds `at`; without an interval, in the whole life. */
export function spentNano(counter: SpendCounter, interval: Interval | null, at: number): number {
  if (interval === null) return counter.totalNano
  if (windowStart(interval, at) > counter.lastSpendAt) return 0
  return interval === 'daily'
    ? counter.dailyNano
    : interval === 'weekly'
      ? counter.weeklyNano
      : counter.monthlyNano
}

export function addSpend(counter: SpendCounter, nano: number, at: number): void {
  counter.dailyNano = spentNano(counter, 'daily', at) + nano
  counter.weeklyNano = spentNano(counter, 'weekly', at) + nano
  counter.monthlyNano = spentNano(counter, 'monthly', at) + nano
  counter.totalNano += nano
  counter.lastSpendAt = at
}
