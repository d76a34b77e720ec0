import { Form } from '@remix-run/react'
import type { Health } from '~/domain/staff/queue/types'
import { Button } from '../../base/button'
import { Callout } from '../../base/callout'
import { Field } from '../../base/field'
import { Time } from '../../base/time'

/** Pause and resume the making of keys. The reason is what waiting people read. */
export function MintingSwitch({
  gate,
  mayAct,
  busy,
  problem,
  asOf,
}: {
  gate: Health['gate']
  mayAct: boolean
  busy: string | null
  problem: string | null
  asOf: string
}) {
  if (gate.kind === 'paused') {
    return (
      <Callout tone="amber" title="Minting is paused.">
        <p>
          “{gate.reason}” {gate.by ? `${gate.by}, since ` : 'Since '}
          <Time iso={gate.since} now={asOf} />. Everybody who waits reads this reason, and nobody
          can claim until it goes on.
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
              Resume minting
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
        <span className="prose-link">Pause minting…</span>
      </summary>
      <Form method="post" className="max-w-read space-y-3 px-4 pb-4">
        <p className="text-small text-soft">
          Claims already made keep their place and go on after the pause; new ones are refused
          meanwhile. Keys given out keep working.
        </p>
        <Field
          label="Reason, for those who wait"
          name="reason"
          required
          hint="One plain sentence: what happens, and until when."
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
          Pause minting
        </Button>
      </Form>
    </details>
  )
}
