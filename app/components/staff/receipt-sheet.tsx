import { numberText } from '~/messages/text'
import { Form, useNavigation } from '@remix-run/react'
import type { Missing } from '~/domain/staff/receipt-view'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Table } from '../base/table'
import { Time } from '../base/time'
import { missingMessage, type ReceiptView } from './receipt-messages'
import type { ReportView } from './report-messages'
import { MoneyRows, PrintedAmounts, ReportParts, Settling, TurnedAway } from './report-parts'
import { Row } from './receipt-row'

/** One sheet of A4 with facts that never change. */
export function ReceiptSheet({
  slug,
  body,
  report,
  madeAt,
  asOf,
}: {
  slug: string
  body: ReceiptView
  report: ReportView | null
  madeAt: string
  asOf: string
}) {
  return (
    <article className="receipt mt-6 max-w-read">
      <p className="text-soft">
        {body.firstClaimAt ? (
          <>
            First claim <Time iso={body.firstClaimAt} now={asOf} />.{' '}
          </>
        ) : null}
        {body.lastKeyEndedAt ? (
          <>
            The last key ended <Time iso={body.lastKeyEndedAt} now={asOf} />.
          </>
        ) : null}
      </p>
      <p className="mt-6 font-head text-hero font-bold">{body.spent}</p>
      <p className="text-lead text-soft">spent{body.pool ? ` of a pool of ${body.pool}` : ''}</p>
      <dl className="mt-6 divide-y divide-rule border-y border-rule">
        <Row name="Claims">
          {numberText(body.claims)}
          {body.refused > 0 ? (
            <span className="text-soft">, {numberText(body.refused)} refused</span>
          ) : null}
        </Row>
        <Row name="Keys created">{numberText(body.keysMade)}</Row>
        <Row name="People who used their key">{numberText(body.activePeople)}</Row>
        <Row name="Limits granted">{body.granted}</Row>
        {report ? null : (
          <>
            <Row name="Spent per person: median">{body.median ?? 'nobody spent anything'}</Row>
            <Row name="Spent per person: 95th percentile">
              {body.p95 ?? 'nobody spent anything'}
            </Row>
            <Row name="Spent per person: maximum">{body.largest ?? 'nobody spent anything'}</Row>
            <Row name="Unspent">{body.unspent}</Row>
            <Row name="Opted in to news">{numberText(body.optIns)}</Row>
          </>
        )}
      </dl>
      {report ? (
        <>
          <h2 className="mt-8 text-head">Money</h2>
          <MoneyRows report={report} />
          <ReportParts report={report} slug={slug} />
        </>
      ) : null}
      <h2 className="mt-8 text-head">By model</h2>
      {body.models === null ? (
        <p className="mt-2 text-soft">There were too many keys to request the cost of each.</p>
      ) : body.models.length === 0 ? (
        <p className="mt-2 text-soft">The provider reports no request with these keys.</p>
      ) : (
        <Table
          label="Cost by model"
          frameClassName="mt-2"
          rows={body.models}
          rowKey={(model) => model.model}
          columns={[
            {
              head: 'Model',
              className: '[overflow-wrap:anywhere]',
              cell: (model) => model.model,
            },
            { head: 'Requests', right: true, cell: (model) => numberText(model.requests) },
            { head: 'Tokens in', right: true, cell: (model) => numberText(model.promptTokens) },
            {
              head: 'Tokens out',
              right: true,
              cell: (model) => numberText(model.completionTokens),
            },
            { head: 'Cost', right: true, cell: (model) => model.usd },
            { head: 'Share', right: true, cell: (model) => <Share percent={model.percent} /> },
          ]}
        />
      )}
      {body.covered && !body.covered.whole && body.models && body.models.length > 0 ? (
        <p className="mt-2 text-small text-soft">
          The models add up to {body.covered.usd} of {body.spent}. The provider reports 30 days per
          model, and it rounds differently from the usage of the keys.
        </p>
      ) : null}
      <p className="mt-8 text-small text-soft">
        Made <Time iso={madeAt} now={asOf} /> by Keymint and unchanged since. Amounts are the
        provider’s, in USD.
      </p>
      <p className="no-print mt-4 text-small text-soft">Print this page or save it as a PDF.</p>
      {report ? <PrintedAmounts report={report} /> : null}
    </article>
  )
}

type ReceiptRequest = { at: string; missing: Missing[]; lookedAt: string | null }

function Share({ percent }: { percent: number }) {
  return (
    <span className="inline-flex items-center gap-2">
      <svg
        width="60"
        height="10"
        viewBox="0 0 100 10"
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <rect width="100" height="10" className="fill-rule" />
        <rect width={percent} height="10" className="fill-ink" />
      </svg>
      {percent} %
    </span>
  )
}

/** What the workshop came to so far, while there is no receipt. */
export function ReportSheet({
  slug,
  report,
  asOf,
}: {
  slug: string
  report: ReportView
  asOf: string
}) {
  if (report.people.withKey === 0 && report.live.keys === 0)
    return (
      <div className="mt-8 max-w-read">
        <Callout tone="plain" title="Nobody has got a key">
          <p>Nothing was spent, so there is nothing to add up.</p>
        </Callout>
        <MoneyRows report={report} />
        <TurnedAway tries={report.turnedAway} />
      </div>
    )
  return (
    <article className="receipt mt-8 max-w-read">
      <h2 className="mb-3 text-head">So far</h2>
      <Settling report={report} asOf={asOf} />
      <MoneyRows report={report} />
      <ReportParts report={report} slug={slug} />
      <h2 className="mt-8 text-head">By model</h2>
      <p className="mt-2 text-soft">
        The provider tells the cost of each model a day late. The receipt has it.
      </p>
      <p className="no-print mt-8 text-small text-soft">Print this page or save it as a PDF.</p>
      <PrintedAmounts report={report} />
    </article>
  )
}

/** Before the receipt is made: what is missing, and the button that requests it. */
export function ReceiptAsk({
  over,
  asked,
  missing,
  mayAct,
  asOf,
}: {
  over: boolean
  asked: ReceiptRequest | null
  missing: Missing[]
  mayAct: boolean
  asOf: string
}) {
  const busy = useNavigation().state !== 'idle'
  return (
    <div className="mt-6 max-w-read space-y-5">
      <p>
        The receipt shows how many people claimed and used a key, what was spent per model, what
        stayed unspent, and how many opted in to news. It is made once and never changes.
      </p>
      {!over ? (
        missing.length > 0 ? (
          <Callout tone="plain" title="It is too early for a receipt">
            <ul>
              {missing.map((one) => (
                <li key={one.what}>{missingMessage(one)}</li>
              ))}
            </ul>
          </Callout>
        ) : (
          <p>Nobody claimed, so no receipt can be made.</p>
        )
      ) : asked ? (
        <Callout tone="warning" title="The receipt is in progress">
          <p>
            Requested <Time iso={asked.at} now={asOf} />. Keymint makes it as soon as nothing is
            missing.
          </p>
          {asked.missing.length > 0 ? (
            <ul>
              {asked.missing.map((one) => (
                <li key={one.what}>{missingMessage(one)}</li>
              ))}
            </ul>
          ) : (
            <p>Nothing is missing. Reload in a few seconds.</p>
          )}
          {asked.lookedAt ? (
            <p className="text-small">
              Last checked <Time iso={asked.lookedAt} now={asOf} />.
            </p>
          ) : null}
        </Callout>
      ) : null}
      {over && mayAct ? (
        <Form method="post">
          <Button type="submit" kind="ink" busy={busy} busyText="Requesting…">
            {asked ? 'Check again now' : 'Make the receipt'}
          </Button>
        </Form>
      ) : null}
    </div>
  )
}
