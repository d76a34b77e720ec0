import { Form } from '@remix-run/react'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field, Select } from '../base/field'
import { Section } from '../base/page-shell'

/** For owners: one key, or all of a member who leaves, goes to somebody else with its money. */
export function HandOver({
  from,
  takers,
  what,
  button,
}: {
  /** Who holds it as shown: another holder by then refuses the form. */
  from: string
  takers: { value: string; label: string }[]
  /** What goes, within a sentence. */
  what: string
  button: string
}) {
  return (
    <Section title="Hand over" id="hand-over">
      {takers.length === 0 ? (
        <p className="text-soft">There is no other member who can hold keys.</p>
      ) : (
        <details className="max-w-[34rem]">
          <summary className="inline-flex min-h-11 items-center prose-link">
            Hand over to another member
          </summary>
          <Form method="post" className="mt-2 space-y-4">
            <p>
              The new holder gets {what}, within their own budget. What is spent so far stays in the
              books of the old holder, who can no longer show or change anything. Nothing stops
              working, so replace what they may have copied.
            </p>
            <input type="hidden" name="from" value={from} />
            <Select label="New holder" name="to" options={takers} />
            <Field label="Reason" name="reason" required hint="Recorded in the audit trail." />
            <Button type="submit" name="intent" value="hand-over">
              {button}
            </Button>
          </Form>
        </details>
      )}
    </Section>
  )
}

/** Whoever held this very key may have copied it; a replacement ends that. */
export function FormerHolder({ view }: { view: SubKeyView }) {
  if (view.formerHolder === null) return null
  return (
    <Callout tone="warning" title={`${view.formerHolder} held this key before`}>
      <p>
        {view.formerService
          ? 'It may still stand where its machines read it, and any owner may have copied it.'
          : 'They can no longer show it here, but they may have copied it.'}{' '}
        {view.replaceable ? (
          <a className="prose-link" href="#endings">
            Replace it
          </a>
        ) : (
          'Make another one and delete this one'
        )}{' '}
        to be sure.
      </p>
    </Callout>
  )
}
