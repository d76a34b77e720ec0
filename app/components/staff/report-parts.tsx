import { Chart } from '../base/chart'
import { Callout } from '../base/callout'
import { Table } from '../base/table'
import { timeText } from '../base/time-text'
import { useZone } from '../base/time'
import { turnedAwayReason } from '~/messages/turned-away'
import { adminReceiptCsvUrl } from '../../urls'
import {
  monthLabel,
  seatsMessage,
  settlingMessage,
  waitMessage,
  type ReportView,
} from './report-messages'
import { Row } from './receipt-row'

/** What may still change, first: nothing below is final before it is gone. */
export function Settling({ report, asOf }: { report: ReportView; asOf: string }) {
  const zone = useZone()
  const { until } = report.live
  const message = settlingMessage(report, until && timeText(until, { timeZone: zone, now: asOf }))
  return message === null ? null : (
    <Callout tone="warning" title="Not final yet">
      <p>{message}</p>
    </Callout>
  )
}

/** The three sums that every page has, and what came back. */
export function MoneyRows({ report }: { report: ReportView }) {
  return (
    <dl className="mt-6 divide-y divide-rule border-y border-rule">
      <Row name="Spent">{report.spent}</Row>
      <Row name="May still be spent">{report.maySpend}</Row>
      <Row name="Left to hand out">{report.left ?? 'not limited'}</Row>
      <Row name="Came back unspent">{report.cameBack}</Row>
    </dl>
  )
}

/** Money over time and by person, seats, waits, and months. */
export function ReportParts({ report, slug }: { report: ReportView; slug: string }) {
  const { people, months } = report
  return (
    <>
      <div className="mt-8 grid gap-8 sm:grid-cols-2">
        <Chart chart={report.spending} />
        <Chart chart={people.chart} />
      </div>
      <h2 className="mt-8 text-head">People</h2>
      <dl className="mt-2 divide-y divide-rule border-y border-rule">
        <Row name="Got a key">{people.withKey.toLocaleString('en-US')}</Row>
        <Row name="Cost of a person: median">{people.median ?? 'unknown'}</Row>
        <Row name="Cost of a person: 90th percentile">{people.p90 ?? 'unknown'}</Row>
        <Row name="Cost of a person: maximum">{people.most ?? 'unknown'}</Row>
        <Row name={months ? 'Seats taken now' : 'Seats taken'}>{seatsMessage(report.seats)}</Row>
        <Row name="Time from claim to key">{waitMessage(report.timeToKey)}</Row>
        <Row name="Opted in to news">{report.optIns.toLocaleString('en-US')}</Row>
      </dl>
      {people.withKey > 0 ? (
        <p className="no-print mt-2">
          <a className="prose-link" href={adminReceiptCsvUrl(slug)} download>
            Cost of each person as CSV, without names
          </a>
        </p>
      ) : null}
      <TurnedAway tries={report.turnedAway} />
      {months ? <Months months={months} /> : null}
    </>
  )
}

/** By reason: also where nobody came in, somebody may have tried. */
export function TurnedAway({ tries }: { tries: ReportView['turnedAway'] }) {
  return (
    <>
      <h2 className="mt-8 text-head">Turned away</h2>
      {tries.length === 0 ? (
        <p className="mt-2 text-soft">Nobody who came for a key was turned away.</p>
      ) : (
        <>
          <Table
            label="Turned away, by reason"
            frameClassName="mt-2"
            rows={tries}
            rowKey={({ reason }) => reason}
            columns={[
              { head: 'Because', cell: ({ reason }) => turnedAwayReason(reason) },
              { head: 'Tries', right: true, cell: ({ count }) => count.toLocaleString('en-US') },
            ]}
          />
          <p className="mt-2 text-small text-soft">
            A person who tries twice counts twice: nothing about them is kept.
          </p>
        </>
      )}
    </>
  )
}

function Months({ months }: { months: NonNullable<ReportView['months']> }) {
  return (
    <>
      <h2 className="mt-8 text-head">By month</h2>
      {months.length === 0 ? (
        <p className="mt-2 text-soft">Nothing has happened yet.</p>
      ) : (
        <Table
          label="By month"
          frameClassName="mt-2"
          rows={months}
          rowKey={({ month }) => month}
          columns={[
            { head: 'Month (UTC)', header: true, cell: ({ month }) => monthLabel(month) },
            { head: 'Claims', right: true, cell: ({ claims }) => claims.toLocaleString('en-US') },
            { head: 'Keys', right: true, cell: ({ keys }) => keys.toLocaleString('en-US') },
            { head: 'Spent', right: true, cell: ({ spent }) => spent ?? 'not read' },
          ]}
        />
      )}
    </>
  )
}

/** On paper alone: what the screen has as a picture and a file. */
export function PrintedAmounts({ report }: { report: ReportView }) {
  const { amounts, withKey } = report.people
  if (amounts.length === 0) return null
  return (
    <section className="hidden break-before-page print:block">
      <h2 className="text-head">Cost of each person, without names</h2>
      <ol className="mt-3 columns-4 gap-x-8 text-small tabular-nums">
        {amounts.map((amount, place) => (
          <li key={place} className="flex justify-between gap-2">
            <span>{place + 1}</span>
            <span>{amount}</span>
          </li>
        ))}
      </ol>
      {amounts.length < withKey ? (
        <p className="mt-2 text-small">
          The first {amounts.length.toLocaleString('en-US')} of {withKey.toLocaleString('en-US')}.
          The CSV file has all.
        </p>
      ) : null}
    </section>
  )
}
