import { numberText } from '~/messages/text'
import { Form } from '@remix-run/react'
import { useEffect, useRef } from 'react'
import type { QueueActionAnswer } from './answer'
import { Button } from '../../base/button'
import { Callout } from '../../base/callout'
import { Field } from '../../base/field'

type Props = { answer: QueueActionAnswer | undefined; busy: string | null; backHref: string }

/** Where the answer to a button appears: near the button, read out; a question takes the focus. */
export function AnswerPlace({ answer, about, ...rest }: Props & { about: 'jobs' | 'minting' }) {
  const place = useRef<HTMLDivElement>(null)
  const mine =
    answer &&
    answer.kind !== 'reason-missing' &&
    (answer.kind === 'ask' ? 'jobs' : answer.about) === about
      ? answer
      : undefined
  useEffect(() => {
    if (mine?.kind === 'ask')
      place.current?.querySelector<HTMLInputElement>('input[name=reason]')?.focus()
    else if (mine) place.current?.scrollIntoView({ block: 'nearest' })
  }, [mine])
  return (
    <div ref={place} role="status">
      {mine ? <ActionAnswer answer={mine} {...rest} /> : null}
    </div>
  )
}

function ActionAnswer({ answer, busy, backHref }: Props) {
  if (!answer || answer.kind === 'reason-missing') return null
  if (answer.kind === 'said') return <Callout tone={answer.tone} title={answer.message} />
  const jobs = answer.count === 1 ? 'this job' : `${numberText(answer.count)} jobs`
  return (
    <Callout tone="error" title={`Cancel ${jobs}?`}>
      <ul className="list-disc space-y-1 pl-5">
        {answer.meanings.map((meaning) => (
          <li key={meaning}>{meaning}</li>
        ))}
      </ul>
      <Form method="post" preventScrollReset className="max-w-read space-y-3 pt-1">
        {answer.all ? (
          <input type="hidden" name="all" value="yes" />
        ) : (
          answer.jobIds.map((id) => <input key={id} type="hidden" name="job" value={id} />)
        )}
        <input type="hidden" name="until" value={answer.until} />
        <Field
          label="Reason"
          name="reason"
          required
          hint="The people who wait see it."
          {...(answer.problem ? { error: answer.problem } : {})}
        />
        <div className="flex flex-wrap gap-2">
          <Button
            type="submit"
            name="do"
            value="cancel"
            kind="ink"
            busy={busy === 'cancel'}
            busyText="Cancelling…"
          >
            Cancel {jobs}
          </Button>
          <a className="button" data-kind="quiet" href={backHref}>
            Keep {answer.count === 1 ? 'it' : 'them'}
          </a>
        </div>
      </Form>
    </Callout>
  )
}
