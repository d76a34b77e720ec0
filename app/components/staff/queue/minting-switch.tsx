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
          <ReasonForm
            label="What you found"
            hint="One sentence for the audit trail."
            problem={problem}
            action="open-account"
            busy={busy}
            busyText="Opening…"
            button="Open the account"
          />
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
      <div className="max-w-read space-y-3 px-4 pb-4">
        <p className="text-small text-soft">
          Claims keep their place and continue after the pause; new ones are refused until then.
          Existing keys keep working.
        </p>
        <ReasonForm
          label="Reason, for those who wait"
          hint="One sentence: what happens, and until when."
          problem={problem}
          action="pause"
          busy={busy}
          busyText="Pausing…"
          button="Pause key creation"
        />
      </div>
    </details>
  )
}

function ReasonForm({
  label,
  hint,
  problem,
  action,
  busy,
  busyText,
  button,
}: {
  label: string
  hint: string
  problem: string | null
  action: 'pause' | 'open-account'
  busy: string | null
  busyText: string
  button: string
}) {
  return (
    <Form method="post" className="max-w-read space-y-3">
      <Field
        label={label}
        name="reason"
        required
        hint={hint}
        {...(problem ? { error: problem } : {})}
      />
      <Button
        type="submit"
        name="do"
        value={action}
        kind="ink"
        busy={busy === action}
        busyText={busyText}
      >
        {button}
      </Button>
    </Form>
  )
}
