import { Form } from '@remix-run/react'
import type { CorrectableKey, CorrectionView } from '~/domain/team/correct-usage.server'
import { Button } from '../base/button'
import { Field, Select } from '../base/field'
import { EmptyState } from '../base/page-shell'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { monthName } from './month-name'
import { serviceTitle } from './sub-key-messages'

const dayFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
})

const nameOf = ({ holder, purpose, service, madeAt, spent }: CorrectableKey) =>
  [
    `${holder}: ${purpose ?? `a key of ${dayFormat.format(new Date(madeAt))}`}`,
    serviceTitle(service),
    `${spent.text} spent`,
  ].join(', ')

/** Corrects what was counted for one key in the month that is shown. */
export function CorrectionForm({
  month,
  keys,
  typed,
  error,
  formId,
}: {
  month: string
  keys: CorrectableKey[]
  /** What was sent and not booked. */
  typed: Record<string, string> | null
  error: { field: 'amount' | 'reason'; message: string } | null
  /** Posted twice, it is booked once. */
  formId: string
}) {
  if (keys.length === 0)
    return (
      <EmptyState title="No key has books in this month">
        <p>There is nothing to correct.</p>
      </EmptyState>
    )
  const errorAt = (field: 'amount' | 'reason') =>
    error?.field === field ? { error: error.message } : {}
  const options = keys.map((key) => ({
    value: `${key.handle}/${key.corrected}`,
    label: nameOf(key),
  }))
  const before = typed?.key?.split('/')[0]
  return (
    <Form method="post" className="max-w-[34rem] space-y-4">
      <input type="hidden" name="formId" value={formId} />
      <input type="hidden" name="month" value={month} />
      <p className="text-soft">
        A correction moves money between spent and free in {monthName(month)}. The cap of the key
        does not change: the provider goes on by its own count.
      </p>
      <Select
        label="Key"
        name="key"
        defaultValue={options.find(({ value }) => value.split('/')[0] === before)?.value ?? ''}
        options={[{ value: '', label: 'choose one' }, ...options]}
      />
      <Select
        label="The provider counted"
        name="direction"
        defaultValue={typed?.direction ?? 'down'}
        options={[
          { value: 'down', label: 'too much: less was spent' },
          { value: 'up', label: 'too little: more was spent' },
        ]}
      />
      <Field
        label="By how much, in USD"
        name="amount"
        required
        hint="Up to nine decimals."
        defaultValue={typed?.amount ?? ''}
        {...errorAt('amount')}
      />
      <Field
        label="Reason"
        name="reason"
        required
        hint="It stands in the ledger, where the key’s holder reads it, and in the audit trail."
        defaultValue={typed?.reason ?? ''}
        {...errorAt('reason')}
      />
      <Button type="submit" name="intent" value="correct">
        Book the correction
      </Button>
    </Form>
  )
}

/** The corrections of a month, newest first; on a phone each is a card. */
export function CorrectionTable({ rows, asOf }: { rows: CorrectionView[]; asOf: string }) {
  if (rows.length === 0) return <EmptyState title="Nothing was corrected in this month" />
  return (
    <Table
      label="Corrections"
      stacked
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        {
          head: 'When',
          className: 'whitespace-nowrap text-soft',
          cell: (row) => <Time iso={row.at} now={asOf} />,
        },
        {
          head: 'Key',
          header: true,
          className: '[overflow-wrap:anywhere]',
          cell: (row) => `${row.holder}: ${row.purpose ?? 'a key'}, ${serviceTitle(row.service)}`,
        },
        {
          head: 'Amount',
          right: true,
          className: 'whitespace-nowrap',
          cell: (row) => `${row.amount.usd > 0 ? '+' : ''}${row.amount.text}`,
        },
        {
          head: 'By',
          className: '[overflow-wrap:anywhere] text-soft',
          cell: (row) => `${row.actor}: ${row.reason ?? ''}`,
        },
      ]}
    />
  )
}
