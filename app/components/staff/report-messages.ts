/** The sentences of a workshop's report. */
import type { Month, Report } from '~/domain/staff/receipt-view'
import { counted, spanOf } from '~/messages/text'
import type { ChartView } from '../base/chart-view'

export type ReportView = Omit<
  Report,
  'spending' | 'people' | 'months' | 'spentUsd' | 'maySpendUsd' | 'leftUsd' | 'cameBackUsd'
> & {
  spent: string
  maySpend: string
  left: string | null
  cameBack: string
  spending: ChartView
  people: {
    withKey: number
    median: string | null
    p90: string | null
    most: string | null
    amounts: string[]
    chart: ChartView
  }
  months: (Omit<Month, 'spentUsd'> & { spent: string | null })[] | null
}

/** What may still change; null once nothing does. `until` is the end of the last key, as text. */
export function settlingMessage(report: ReportView, until: string | null): string | null {
  const { live, unsettled } = report
  const parts = [
    live.keys > 0
      ? `${counted(live.keys, 'key')} may still spend${until ? ` until ${until}` : ''}.`
      : null,
    unsettled > 0
      ? `The final usage of ${counted(unsettled, 'key')} is not read yet; it takes a few minutes.`
      : null,
  ].filter((part) => part !== null)
  return parts.length === 0 ? null : parts.join(' ')
}

export function waitMessage(timeToKey: Report['timeToKey']): string {
  if (!timeToKey) return 'nobody got a key'
  return `half within ${secondsLabel(timeToKey.p50)}, 95 of 100 within ${secondsLabel(timeToKey.p95)}`
}

function secondsLabel(seconds: number): string {
  if (seconds < 10) return `${(Math.ceil(seconds * 10) / 10).toLocaleString('en-US')} s`
  return spanOf(seconds)
}

export const seatsMessage = ({ taken, max }: Report['seats']): string =>
  max === null
    ? `${taken.toLocaleString('en-US')}, without a maximum`
    : `${taken.toLocaleString('en-US')} of ${max.toLocaleString('en-US')}`

/** "March 2026" */
export const monthLabel = (month: string): string =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', month: 'long', year: 'numeric' }).format(
    new Date(`${month}-01T00:00:00Z`),
  )
