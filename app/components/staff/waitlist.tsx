/** The line of a workshop, for its staff: who waits, and who was skipped. */
import { Form } from '@remix-run/react'
import type { LetInOutcome } from '~/domain/claim/serve-waitlist.server'
import type { Line, LinePlace } from '~/domain/claim/waitlist.server'
import { Button } from '../base/button'
import { EmptyState } from '../base/page-shell'
import { Ago } from '../base/time'
import { ordinal } from '../claim/ordinal'
import { skippedLabel } from '../claim/waitlist-messages'

/** Null where it worked. */
export function letInProblem(outcome: LetInOutcome): string | null {
  switch (outcome.kind) {
    case 'let-in':
      return null
    case 'full':
      return 'No seat is free. Raise limit_usd or max_keys in the file, or wait for a seat.'
    case 'not-now':
      return 'Nobody can claim a key at the moment. The place stays.'
    case 'skipped':
      return `This person lost the place: ${skippedLabel(outcome.reason)}.`
    case 'nobody':
      return 'This person waits no more.'
  }
}

export function Waitlist({ line, mayAct, asOf }: { line: Line; mayAct: boolean; asOf: string }) {
  return (
    <>
      {line.waiting.length === 0 ? (
        <EmptyState title="Nobody waits">
          <p>When all keys are taken, people can join here. Free seats go to them in order.</p>
        </EmptyState>
      ) : (
        <Form method="post">
          <ol className="divide-y divide-rule border-y border-rule">
            {line.waiting.map((place) => (
              <li
                key={place.id}
                className="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 py-3"
              >
                <span className="min-w-0 flex-1 basis-72 [overflow-wrap:anywhere]">
                  <Who place={place} />
                  <span className="block text-small text-soft">
                    {ordinal(place.position)} in line. Joined{' '}
                    <Ago iso={place.joinedAt} asOf={asOf} />.
                  </span>
                </span>
                {mayAct ? (
                  <span className="flex gap-2">
                    <Button
                      type="submit"
                      kind="ink"
                      name="seat"
                      value={place.id}
                      aria-label={`Let in ${place.name} now`}
                    >
                      Let in
                    </Button>
                    <Button
                      type="submit"
                      name="remove"
                      value={place.id}
                      aria-label={`Remove ${place.name} from the line`}
                    >
                      Remove
                    </Button>
                  </span>
                ) : null}
              </li>
            ))}
          </ol>
          {line.count > line.waiting.length ? (
            <p className="mt-2 text-small text-soft">
              The first {line.waiting.length} of {line.count.toLocaleString('en-US')}.
            </p>
          ) : null}
        </Form>
      )}
      {line.skipped.length > 0 ? (
        <details className="mt-4">
          <summary className="flex min-h-11 items-center prose-link">
            {line.skipped.length} skipped
          </summary>
          <ul className="divide-y divide-rule border-y border-rule">
            {line.skipped.map((place) => (
              <li key={place.id} className="py-2 [overflow-wrap:anywhere]">
                <Who place={place} />
                <span className="text-small text-soft">
                  {skippedLabel(place.reason ?? '')},{' '}
                  <Ago iso={place.endedAt ?? asOf} asOf={asOf} />.
                </span>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </>
  )
}

function Who({ place }: { place: LinePlace }) {
  return (
    <span className="block">
      <strong>
        <bdi>{place.name}</bdi>
      </strong>{' '}
      <span className="text-soft">{place.known.join(', ')}</span>
    </span>
  )
}
