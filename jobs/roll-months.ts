import type { JobHandler } from './job-handler'
import { rollMonths } from '~/domain/money/budgets.server'

/** Opens the month of every member. */
export const rollMonthsJob: JobHandler<'roll-months'> = async (ctx) => {
  return { kind: 'done', counts: await rollMonths(ctx) }
}
