/** Requests for a higher limit: one or many are approved, with what was asked or another amount, or refused. */
import { Form, useNavigation } from '@remix-run/react'
import type { OpenRequest, RequestResult } from '~/domain/claim/limit-requests.server'
import type { MoneyView } from '~/domain/money-view'
import { counted } from '~/messages/text'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { EmptyState } from '../base/page-shell'
import { Ago, EventZoneProvider } from '../base/time'
import { resetLabels } from '../claim/workshop-facts'
import { LiveBar } from './live-line'

export const requestProblems = {
  'nothing-selected': 'Select at least one request.',
  'no-such-request': 'There is no such request.',
  'bad-amount': 'Enter an amount in USD, such as 2 or 2.50, or leave it empty.',
} as const

const resultLabels: Record<RequestResult, (count: number) => string> = {
  approved: (count) => `${counted(count, 'request was', 'requests were')} approved.`,
  refused: (count) => `${counted(count, 'request was', 'requests were')} refused.`,
  'decided-already': (count) =>
    `${counted(count, 'request was', 'requests were')} decided meanwhile and not changed.`,
  'key-ended': (count) =>
    `${counted(count, 'key has', 'keys have')} ended, so there is no limit to raise.`,
  'pool-full': (count) =>
    `The pool has no room for ${counted(count, 'request, which stays open', 'requests, which stay open')}. ` +
    'Approve a smaller amount, or raise limit_usd in the workshop’s file.',
  'no-file': (count) =>
    `The pool is not known, because the file has an error. ${counted(count, 'request stays', 'requests stay')} open.`,
}

type Page = {
  timezone: string
  offered: boolean
  rows: (OpenRequest & { href: string })[]
  isCut: boolean
  left: MoneyView | null
  mayAct: boolean
  asOf: string
}
type Answer = {
  problem: keyof typeof requestProblems | null
  results: { result: RequestResult; count: number }[] | null
}

const isGood = (result: RequestResult) => result === 'approved' || result === 'refused'

export function RequestsPage({ page, answer }: { page: Page; answer: Answer | null }) {
  return (
    <EventZoneProvider value={page.timezone}>
      <div className="mt-2 space-y-6">
        <div className="flex flex-wrap items-center justify-between gap-x-6">
          <p className="text-soft">
            {page.left
              ? `${page.left.text} of the pool is left for new keys and higher limits.`
              : 'No pool limits this workshop.'}
          </p>
          <LiveBar asOf={page.asOf} />
        </div>
        <Outcome answer={answer} />
        {page.rows.length === 0 ? (
          <EmptyState title="No open requests">
            <p>
              {page.offered
                ? 'People whose key runs low can request more on its page. Requests appear here.'
                : 'This workshop takes none. Add “ask_for_more: true” to its file to let people ' +
                  'request more when their key runs low.'}
            </p>
          </EmptyState>
        ) : (
          <RequestForm page={page} />
        )}
      </div>
    </EventZoneProvider>
  )
}

function Outcome({ answer }: { answer: Answer | null }) {
  if (answer?.problem)
    return (
      <div role="alert">
        <Callout tone="error" title="Nothing was changed">
          <p>{requestProblems[answer.problem]}</p>
        </Callout>
      </div>
    )
  if (!answer?.results) return null
  const good = answer.results.every(({ result }) => isGood(result))
  return (
    <div role="status">
      <Callout tone={good ? 'ok' : 'warning'} title={good ? 'Done' : 'Not all of it was done'}>
        {answer.results.map(({ result, count }) => (
          <p key={result}>{resultLabels[result](count)}</p>
        ))}
        {answer.results.length === 0 ? <p>None of them exists any more.</p> : null}
      </Callout>
    </div>
  )
}

function RequestForm({ page }: { page: Page }) {
  const { rows, isCut, mayAct, asOf } = page
  const busy = useNavigation().state !== 'idle'
  return (
    <Form method="post" className="space-y-6" key={rows.map(({ id }) => id).join()}>
      <ul className="divide-y divide-rule border-y border-rule">
        {rows.map((row) => (
          <li key={row.id} className="flex gap-3 py-3">
            {mayAct ? (
              <label className="flex min-h-11 min-w-11 items-start justify-center pt-1">
                <input
                  type="checkbox"
                  name="request"
                  value={row.id}
                  className="size-5 accent-ink"
                  aria-label={`Select the request of ${row.name}`}
                />
              </label>
            ) : null}
            <div className="min-w-0">
              <p>
                <a className="font-semibold prose-link" href={row.href}>
                  <bdi>{row.name}</bdi>
                </a>{' '}
                requests <strong>{row.more.text} more</strong>
                {row.limitReset ? ` ${resetLabels[row.limitReset]}` : ''}, on top of{' '}
                {row.limit.text}.
              </p>
              <p className="[overflow-wrap:anywhere]">
                <q>
                  <bdi>{row.reason}</bdi>
                </q>
              </p>
              <p className="text-small text-soft">
                <Ago iso={row.askedAt} asOf={asOf} />
              </p>
            </div>
          </li>
        ))}
      </ul>
      {isCut ? (
        <p className="text-soft">These are the oldest; more follow when they are decided.</p>
      ) : null}
      {mayAct ? (
        <div className="max-w-[28rem] space-y-4">
          <Field
            label="Another amount for each, in USD"
            name="amount"
            hint="Leave it empty to approve what each requests."
          />
          <div className="flex flex-wrap gap-3">
            <Button type="submit" kind="ink" name="intent" value="approve" busy={busy}>
              Approve the selected
            </Button>
            <Button type="submit" name="intent" value="refuse" busy={busy}>
              Refuse the selected
            </Button>
          </div>
        </div>
      ) : null}
    </Form>
  )
}
