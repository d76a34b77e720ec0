/** Who asks to be let into a workshop: each with one press, or many at once. */
import { Form } from '@remix-run/react'
import type { RequestLine } from '~/domain/claim/access-list.server'
import { Button } from '../base/button'
import { EmptyState } from '../base/page-shell'
import { Ago } from '../base/time'
import { refusedForLabel } from './access-messages'

export function AccessRequests({
  open,
  openCount,
  mayAct,
  asOf,
}: {
  open: RequestLine[]
  openCount: number
  mayAct: boolean
  asOf: string
}) {
  if (open.length === 0)
    return (
      <EmptyState title="Nobody is asking">
        <p>Whoever is refused by a rule of the file can ask here, with a sentence.</p>
      </EmptyState>
    )
  return (
    <Form method="post">
      <ul className="divide-y divide-rule border-y border-rule">
        {open.map((line) => (
          <li key={line.id} className="flex flex-wrap items-start gap-x-4 gap-y-2 py-3">
            <label className="flex min-w-0 flex-1 basis-72 items-start gap-3">
              {mayAct ? (
                <input
                  type="checkbox"
                  name="id"
                  value={line.id}
                  aria-label={`Select ${line.name}`}
                  className="mt-1 size-5 shrink-0 accent-ink"
                />
              ) : null}
              <span className="min-w-0 [overflow-wrap:anywhere]">
                <Who line={line} />
                <span className="block">“{line.note}”</span>
                <span className="block text-small text-soft">
                  {refusedForLabel(line.refusedFor)}. Asked <Ago iso={line.askedAt} asOf={asOf} />.
                </span>
              </span>
            </label>
            {mayAct ? (
              <span className="flex gap-2">
                <Button
                  type="submit"
                  kind="ink"
                  name="grant"
                  value={line.id}
                  aria-label={`Let ${line.name} in`}
                >
                  Let in
                </Button>
                <Button
                  type="submit"
                  name="refuse"
                  value={line.id}
                  aria-label={`Refuse ${line.name}`}
                >
                  Refuse
                </Button>
              </span>
            ) : null}
          </li>
        ))}
      </ul>
      {openCount > open.length ? (
        <p className="mt-2 text-small text-soft">
          The first {open.length} of {openCount.toLocaleString('en-US')}.
        </p>
      ) : null}
      {mayAct && open.length > 1 ? (
        <div className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
          <label className="flex min-h-11 items-center gap-2">
            <input type="checkbox" name="all" value="yes" className="size-5 accent-ink" />
            {open.map(({ id }) => (
              <input key={id} type="hidden" name="shown" value={id} />
            ))}
            all {open.length} shown
          </label>
          <Button type="submit" name="intent" value="grant-selected" kind="ink">
            Let the selected in
          </Button>
          <Button type="submit" name="intent" value="refuse-selected">
            Refuse the selected
          </Button>
        </div>
      ) : null}
    </Form>
  )
}

function Who({ line }: { line: RequestLine }) {
  return (
    <span className="block">
      <strong>
        <bdi>{line.name}</bdi>
      </strong>{' '}
      <span className="text-soft">{line.known.join(', ')}</span>
    </span>
  )
}

export function DecidedRequests({
  decided,
  mayAct,
  asOf,
}: {
  decided: RequestLine[]
  mayAct: boolean
  asOf: string
}) {
  if (decided.length === 0) return null
  return (
    <details className="mt-4">
      <summary className="flex min-h-11 items-center prose-link">
        {decided.length} {decided.length === 1 ? 'answer' : 'answers'} so far
      </summary>
      <ul className="divide-y divide-rule border-y border-rule">
        {decided.map((line) => (
          <li key={line.id} className="py-2 [overflow-wrap:anywhere]">
            <Who line={line} />
            <span className="text-small text-soft">
              {line.state === 'granted' ? 'Let in' : 'Refused'} by <bdi>{line.decidedBy}</bdi>,{' '}
              <Ago iso={line.decidedAt ?? asOf} asOf={asOf} />: “{line.note}”
            </span>
            {mayAct && line.state === 'refused' ? (
              <Form method="post">
                <Button type="submit" kind="quiet" name="regrant" value={line.id}>
                  Let <bdi>{line.name}</bdi> in after all
                </Button>
              </Form>
            ) : null}
          </li>
        ))}
      </ul>
    </details>
  )
}
