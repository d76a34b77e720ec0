import { Form } from '@remix-run/react'
import { Button } from '../../base/button'
import { Callout } from '../../base/callout'
import { Field } from '../../base/field'
import { Time } from '../../base/time'
import { parkedMessage } from '~/messages/parked'
import type { HealthView } from './view-types'

/** Pauses and resumes key creation. People who wait read the reason. */
export function MintingSwitch({
  gate,
  mayAct,
  busy,
  problem,
  asOf,
}: {
  gate: HealthView['gate']
  mayAct: boolean
  busy: string | null
  problem: string | null
  asOf: string
}) {
  if (gate.kind === 'paused') {
    return (
      <Callout tone="warning" title="Key creation is paused">
        <p>
          {gate.reason === null ? '' : `“${gate.reason}” `}
          {gate.by ? `${gate.by}, since ` : 'Since '}
          <Time iso={gate.since} now={asOf} />. Everybody who waits sees this reason, and nobody can
          claim until you resume.
        </p>
        {mayAct ? (
          <Form method="post">
            <Button
              type="submit"
              name="do"
              value="resume"
              kind="ink"
              busy={busy === 'resume'}
              busyText="Resuming…"
            >
              Resume key creation
            </Button>
          </Form>
        ) : null}
      </Callout>
    )
  }
  if (gate.kind === 'parked') {
    const { title, sentence, remedy } = parkedMessage(gate.reason)
    return (
      <Callout tone="error" title={title}>
        <p>
          Since <Time iso={gate.since} now={asOf} />. {sentence} {remedy}
        </p>
        {mayAct ? (
          <Form method="post" className="max-w-read space-y-3">
            <Field
              label="What you found"
              name="reason"
              required
              hint="One sentence for the audit trail."
              {...(problem ? { error: problem } : {})}
            />
            <Button
              type="submit"
              name="do"
              value="open-account"
              kind="ink"
              busy={busy === 'open-account'}
              busyText="Opening…"
            >
              Open the account
            </Button>
          </Form>
        ) : null}
      </Callout>
    )
  }
  if (!mayAct) return null
  return (
    <details className="rounded-box border border-rule" open={problem !== null || undefined}>
      <summary className="flex min-h-11 list-none items-center px-4">
        <span className="prose-link">Pause key creation…</span>
      </summary>
      <Form method="post" className="max-w-read space-y-3 px-4 pb-4">
        <p className="text-small text-soft">
          Claims keep their place and continue after the pause; new ones are refused until then.
          Existing keys keep working.
        </p>
        <Field
          label="Reason, for those who wait"
          name="reason"
          required
          hint="One sentence: what happens, and until when."
          {...(problem ? { error: problem } : {})}
        />
        <Button
          type="submit"
          name="do"
          value="pause"
          kind="ink"
          busy={busy === 'pause'}
          busyText="Pausing…"
        >
          Pause key creation
        </Button>
      </Form>
    </details>
  )
}
