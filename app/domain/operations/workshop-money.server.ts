/** The three sums of one workshop, and how fast it spends, from the kept counters. */
import { nanoFromDecimalString } from '~/money'
import type { Ctx } from '../ctx'
import { readPools } from '../money/pool.server'
import { windowState } from '../workshop/workshop'
import type { Workshop } from '../workshop-file'
import { readCounters } from './counters.server'
import { moneySums, type MoneySums } from './money-sums'
import { readPace } from './pace.server'

export async function readWorkshopMoney(ctx: Ctx, workshop: Workshop): Promise<MoneySums> {
  const [pools, counters, pace] = await Promise.all([
    readPools(ctx.db, workshop.slug),
    readCounters(ctx.db, workshop.slug),
    readPace(ctx),
  ])
  const pool = pools.get(workshop.slug)
  const isOver = Boolean(pool?.endedAt) || windowState(workshop, ctx.now()) === 'closed'
  return moneySums({
    workshop: isOver ? null : workshop,
    committed: nanoFromDecimalString(pool?.committedUsd ?? '0'),
    spent: counters.spent,
    seats: pool?.seats ?? 0,
    hourly: pace.get(workshop.slug) ?? 0n,
    now: ctx.now(),
  })
}
