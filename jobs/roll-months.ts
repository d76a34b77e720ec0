import type { JobHandler } from './job-handler'
import { rollMonths } from '~/domain/money/budgets.server'

/** Opens the month of every member. */
export const rollMonthsJob: JobHandler<'roll-months'> = async (ctx) => {
  await rollMonths(ctx)
  return { kind: 'done' }
}
