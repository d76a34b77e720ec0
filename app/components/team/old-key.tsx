import { Form } from '@remix-run/react'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Countdown, Time } from '../base/time'
import { delayMessage } from './sub-key-messages'

/** The key that a new one replaces, while it still works: for how long, with how much, and its end now. */
export function OldKey({ view, asOf }: { view: SubKeyView; asOf: string }) {
  const { oldKey } = view
  if (oldKey === null) return null
  const label = oldKey.label ? <code className="font-mono text-small">{oldKey.label}</code> : null
  if (oldKey.state === 'closing')
    return (
      <Callout tone={oldKey.failure ? 'warning' : 'plain'} title="The old key is being disabled">
        <p>
          {label} may still work until the provider has confirmed it.{' '}
          {oldKey.failure ? delayMessage(oldKey.failure) : ''}
        </p>
      </Callout>
    )
  return (
    <Callout tone="plain" title="The old key still works">
      <p>
        {label}{' '}
        {oldKey.state === 'lowering' ? (
          'is being lowered to its part of the cap.'
        ) : (
          <>can spend up to {oldKey.left.text} more.</>
        )}{' '}
        {oldKey.until === null ? (
          'Its time begins when the new key is made.'
        ) : (
          <>
            It ends <Countdown iso={oldKey.until} asOf={asOf} passed="in a moment" /> (
            <Time short iso={oldKey.until} now={asOf} />
            ). What it has not used then goes to the new key.
          </>
        )}{' '}
        {oldKey.failure ? delayMessage(oldKey.failure) : ''}
      </p>
      <Form method="post" className="no-print mt-3">
        <Button type="submit" name="intent" value="end-old">
          End the old key now
        </Button>
      </Form>
    </Callout>
  )
}
