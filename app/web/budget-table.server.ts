/** The form of the budget table: a field for each member, of which the empty ones say nothing. */
import { z } from 'zod'
import type { TypedTable } from '~/components/team/budget-table'
import { maxRows, type BudgetTable } from '~/domain/money/budget-table.server'
import { badRequest } from './handler.server'
import { usdAmount } from './parse-form.server'

const amount = usdAmount('bad-budget', { orZero: true })
const effective = z.enum(['now', 'next-month']).catch('now')
const field = 'budget:'

export function readBudgetTable(fields: URLSearchParams): {
  rows: BudgetTable['rows']
  typed: TypedTable
} {
  const rows = new Map<string, BudgetTable['rows'][number]>()
  const typed = new Map<string, string>()
  const wrong: string[] = []
  for (const [name, value] of fields) {
    const userId = name.startsWith(field) ? name.slice(field.length) : ''
    if (userId === '' || userId.length > 200 || value.trim() === '' || typed.has(userId)) continue
    typed.set(userId, value.slice(0, 40))
    const parsed = amount.safeParse(value)
    if (!parsed.success) wrong.push(userId)
    else rows.set(userId, { userId, budget: parsed.data, was: fields.get(`was:${userId}`) ?? '' })
    if (typed.size > maxRows) throw badRequest()
  }
  return {
    rows: [...rows.values()],
    typed: {
      effective: effective.parse(fields.get('effective') ?? ''),
      budgets: Object.fromEntries(typed),
      wrong,
    },
  }
}
