import { Form, useNavigation } from '@remix-run/react'
import type { ReactNode } from 'react'
import { missingWords, type Missing } from '~/domain/staff/receipt-view'
import type { ReceiptView } from '~/domain/staff/receipt-words'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Time } from '../base/time'

/** One sheet of A4, of facts that never change. */
export function ReceiptSheet({
  body,
  madeAt,
  asOf,
}: {
  body: ReceiptView
  madeAt: string
  asOf: string
}) {
  const count = (number: number) => number.toLocaleString('en-US')
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
          {count(body.claims)}
          {body.refused > 0 ? (
            <span className="text-soft">, {count(body.refused)} refused</span>
          ) : null}
        </Row>
        <Row name="Keys made">{count(body.keysMade)}</Row>
        <Row name="People who used their key">{count(body.activePeople)}</Row>
        <Row name="Spent by a person: half at most">{body.median ?? 'nobody spent anything'}</Row>
        <Row name="Spent by a person: 95 of 100 at most">{body.p95 ?? 'nobody spent anything'}</Row>
        <Row name="Spent by a person: the most">{body.largest ?? 'nobody spent anything'}</Row>
        <Row name="Caps given out">{body.granted}</Row>
        <Row name="Of it unspent">{body.unspent}</Row>
        <Row name="Opted in to hear more">{count(body.optIns)}</Row>
      </dl>
      <h2 className="mt-8 text-head">By model</h2>
      {body.models === null ? (
        <p className="mt-2 text-soft">There were too many keys to ask the provider about each.</p>
      ) : body.models.length === 0 ? (
        <p className="mt-2 text-soft">The provider’s books show no request with these keys.</p>
      ) : (
        <table className="ledger mt-2">
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" className="!text-right">
                Requests
              </th>
              <th scope="col" className="!text-right">
                Tokens in
              </th>
              <th scope="col" className="!text-right">
                Tokens out
              </th>
              <th scope="col" className="!text-right">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {body.models.map((model) => (
              <tr key={model.model}>
                <td className="[overflow-wrap:anywhere]">{model.model}</td>
                <td className="text-right">{count(model.requests)}</td>
                <td className="text-right">{count(model.promptTokens)}</td>
                <td className="text-right">{count(model.completionTokens)}</td>
                <td className="text-right">{model.usd}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {body.covered && !body.covered.whole && body.models && body.models.length > 0 ? (
        <p className="mt-2 text-small text-soft">
          The models add up to {body.covered.usd} of {body.spent}. The provider’s books reach back
          30 days, and they round differently from the counters of the keys.
        </p>
      ) : null}
      <p className="mt-8 text-small text-soft">
        Made <Time iso={madeAt} now={asOf} /> by Keymint and frozen since. Amounts are what the
        provider counted, in USD.
      </p>
      <p className="no-print mt-4 text-small text-soft">
        Print this page for a sheet of paper or a PDF.
      </p>
    </article>
  )
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex items-baseline justify-between gap-6 py-2">
      <dt className="text-soft">{name}</dt>
      <dd className="text-right font-semibold">{children}</dd>
    </div>
  )
}

type Asked = { at: string; missing: Missing[]; lookedAt: string | null }

/** Before the receipt is made: what it waits for, and the button that asks for it. */
export function ReceiptAsk({
  over,
  asked,
  missing,
  mayAct,
  asOf,
}: {
  over: boolean
  asked: Asked | null
  missing: Missing[]
  mayAct: boolean
  asOf: string
}) {
  const busy = useNavigation().state !== 'idle'
  return (
    <div className="mt-6 max-w-read space-y-5">
      <p>
        The receipt says how many claimed, who used a key, what was spent and by which model, what
        stayed unspent, and how many want to hear more. It is made once and never changes after.
      </p>
      {!over ? (
        <Callout tone="plain" title="It is too early for a receipt.">
          {missing.length > 0 ? (
            <ul>
              {missing.map((one) => (
                <li key={one.what}>{missingWords(one)}</li>
              ))}
            </ul>
          ) : (
            <p>Nobody has claimed.</p>
          )}
        </Callout>
      ) : asked ? (
        <Callout tone="amber" title="The receipt is being made.">
          <p>
            Asked for <Time iso={asked.at} now={asOf} />. It is made by itself as soon as nothing is
            missing.
          </p>
          {asked.missing.length > 0 ? (
            <ul>
              {asked.missing.map((one) => (
                <li key={one.what}>{missingWords(one)}</li>
              ))}
            </ul>
          ) : (
            <p>Nothing is known to be missing. Reload in a few seconds.</p>
          )}
          {asked.lookedAt ? (
            <p className="text-small">
              Looked at last <Time iso={asked.lookedAt} now={asOf} />.
            </p>
          ) : null}
        </Callout>
      ) : null}
      {over && mayAct ? (
        <Form method="post">
          <Button type="submit" kind="ink" busy={busy} busyText="Asking…">
            {asked ? 'Look again now' : 'Make the receipt'}
          </Button>
        </Form>
      ) : null}
    </div>
  )
}
