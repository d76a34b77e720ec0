import { Form } from '@remix-run/react'
import type { Month } from '~/domain/money/month'
import { Button } from '../base/button'
import { Select } from '../base/field'
import { monthName } from './month-name'

/** Chooses one of the months that have books. */
export function MonthChoice({ month, months }: { month: Month; months: Month[] }) {
  return (
    <Form method="get" className="mt-6 flex max-w-[28rem] flex-wrap items-end gap-3">
      <div className="min-w-48 flex-1">
        <Select
          key={month}
          label="Month (UTC)"
          name="month"
          defaultValue={month}
          options={months.map((one) => ({ value: one, label: monthName(one) }))}
        />
      </div>
      <Button type="submit">Show</Button>
    </Form>
  )
}
