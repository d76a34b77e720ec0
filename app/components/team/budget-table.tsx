import { Form } from '@remix-run/react'
import type { BudgetTableView } from '~/domain/money/budget-table.server'
import type { MemberView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field, Select } from '../base/field'
import { Table } from '../base/table'
import { anyAmount } from './amount-messages'
import { monthName } from './month-name'

type Row = Pick<MemberView, 'userId' | 'name' | 'monthly' | 'next' | 'spent' | 'committed'> & {
  version: string
}
export type TypedTable = {
  effective: 'now' | 'next-month'
  budgets: Record<string, string>
  /** Members whose amount is none. */
  wrong: string[]
}

/** Names what a cell holds where the head of the table is not seen. */
const Small = ({ children }: { children: string }) => (
  <span className="text-soft sm:hidden">{children} </span>
)

/** Every member with a field for another budget; what is left empty does not change. */
export function BudgetTableForm({
  rows,
  typed,
  months,
}: {
  rows: Row[]
  typed: TypedTable | null
  months: { present: string; next: string }
}) {
  return (
    <Form method="post" className="space-y-6">
      <Table
        label="Budgets of the members"
        stacked
        rows={rows}
        rowKey={(row) => row.userId}
        columns={[
          { head: 'Member', header: true, cell: (row) => row.name },
          {
            head: 'Budget a month',
            right: true,
            cell: ({ monthly, next }) => (
              <>
                <Small>Budget:</Small>
                {monthly.text}
                {next.usd === monthly.usd ? null : (
                  <span className="block text-small text-soft">{next.text} from next month</span>
                )}
              </>
            ),
          },
          {
            head: 'Spent and set aside',
            right: true,
            cell: ({ spent, committed }) => (
              <>
                <Small>Spent:</Small>
                {spent.text}
                <span className="block text-small text-soft">{committed.text} set aside</span>
              </>
            ),
          },
          {
            head: 'New budget, in USD',
            cell: (row) => <NewBudget row={row} typed={typed} />,
          },
        ]}
      />
      <div className="max-w-[28rem] space-y-4">
        <Select
          label="From"
          name="effective"
          defaultValue={typed?.effective ?? 'now'}
          options={[
            { value: 'now', label: `now: ${monthName(months.present)} and later` },
            { value: 'next-month', label: `next month: ${monthName(months.next)} and later` },
          ]}
        />
        <Button type="submit" name="intent" value="preview">
          Preview
        </Button>
      </div>
    </Form>
  )
}

function NewBudget({ row, typed }: { row: Row; typed: TypedTable | null }) {
  const wrong = typed?.wrong.includes(row.userId) ?? false
  const errorId = `wrong-${row.userId}`
  return (
    <>
      <Small>New budget, in USD:</Small>
      <input type="hidden" name={`was:${row.userId}`} value={row.version} />
      <input
        name={`budget:${row.userId}`}
        aria-label={`New budget of ${row.name}, in USD`}
        inputMode="decimal"
        defaultValue={typed?.budgets[row.userId] ?? ''}
        aria-invalid={wrong || undefined}
        aria-describedby={wrong ? errorId : undefined}
        className="min-h-11 w-32 rounded-box border border-edge bg-raised px-3 aria-invalid:border-brick max-sm:w-full"
      />
      {wrong ? (
        <span id={errorId} className="mt-1 block text-small font-semibold text-brick-ink">
          {anyAmount}
        </span>
      ) : null}
    </>
  )
}

/** What the change does, with one reason for all of it. */
export function BudgetTablePreview({
  preview,
  rows,
  typed,
  formId,
}: {
  preview: BudgetTableView
  rows: Row[]
  typed: TypedTable
  /** Posted twice, it sets the budgets once. */
  formId: string
}) {
  const of = new Map(rows.map((row) => [row.userId, row]))
  const short = preview.rows.filter((row) => row.short).length
  const count = preview.rows.length === 1 ? '1 budget' : `${preview.rows.length} budgets`
  return (
    <Callout
      tone={short > 0 ? 'warning' : 'plain'}
      title={`${count}: ${preview.from.text} a month becomes ${preview.to.text}, from ${monthName(preview.month)} on`}
    >
      <ul className="space-y-1">
        {preview.rows.map((row) => (
          <li key={row.userId}>
            <strong>{of.get(row.userId)?.name ?? row.userId}</strong>: {row.from.text} becomes{' '}
            {row.to.text}
            {typed.effective === 'now'
              ? row.short
                ? `, short by ${row.freeAfter.text.replace('-', '')}`
                : `, ${row.freeAfter.text} free`
              : ''}
          </li>
        ))}
      </ul>
      {short > 0 ? (
        <p>
          Where a budget is short, keys keep working up to their caps, and no key can be made until
          the budget covers them.
        </p>
      ) : null}
      <Form method="post" className="mt-3 max-w-[28rem] space-y-4">
        <input type="hidden" name="formId" value={formId} />
        <input type="hidden" name="effective" value={typed.effective} />
        <input type="hidden" name="month" value={preview.month} />
        {preview.rows.map(({ userId }) => (
          <span key={userId}>
            <input type="hidden" name={`budget:${userId}`} value={typed.budgets[userId] ?? ''} />
            <input type="hidden" name={`was:${userId}`} value={of.get(userId)?.version ?? ''} />
          </span>
        ))}
        <Field label="Reason" name="reason" required hint="Recorded in the audit trail for each." />
        <Button type="submit" name="intent" value="set" kind="ink">
          Set {count}
        </Button>
      </Form>
    </Callout>
  )
}
