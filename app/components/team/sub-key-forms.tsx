import { Form } from '@remix-run/react'
import type { CapPreview } from '~/domain/team/sub-key.server'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { Section } from '../base/page-shell'
import { subKeyUrl } from '../../urls'

/** First what the change would do, then the change, with a reason. */
export function CapChange({
  slug,
  view,
  preview,
  bad,
  asked,
}: {
  slug: string
  view: SubKeyView
  preview: CapPreview | null
  bad: boolean
  asked: string
}) {
  return (
    <Section title="Change the cap" id="cap">
      {view.phase === 'changing' ? (
        <p className="text-soft">A change is under way. The next can be made when it is done.</p>
      ) : (
        <div className="max-w-[34rem] space-y-6">
          <Form
            method="get"
            action={`${subKeyUrl(slug, view.id)}#cap`}
            preventScrollReset
            className="flex flex-wrap items-end gap-3"
          >
            <div className="min-w-40 flex-1">
              <Field
                label="New cap in USD"
                name="cap"
                required
                defaultValue={asked}
                {...(bad
                  ? { error: 'Write an amount of dollars above zero, such as 20 or 12.50.' }
                  : {})}
              />
            </div>
            <Button type="submit">See what it does</Button>
          </Form>
          {preview ? (
            <Callout
              tone={preview.possible ? 'plain' : 'warning'}
              title={
                preview.possible
                  ? `${preview.from.text} becomes ${preview.to.text}.`
                  : preview.why === 'below-used'
                    ? `It has spent ${preview.used.text} already.`
                    : 'The budget does not leave that much.'
              }
            >
              <p>
                {preview.possible
                  ? `Free in the budget: ${preview.freeBefore.text} now, ${preview.freeAfter.text} after. ${preview.raises ? 'The difference is set aside at once; the key can spend it when the provider has confirmed.' : 'The difference is free when the provider has confirmed.'}`
                  : preview.why === 'below-used'
                    ? 'A cap cannot be lower than what is spent. Delete the key to stop it.'
                    : `${preview.freeBefore.text} is free. Choose less, delete a key, or ask for more.`}
              </p>
              {preview.possible ? (
                <Form
                  method="post"
                  action={`${subKeyUrl(slug, view.id)}?index`}
                  className="mt-3 space-y-4"
                >
                  <input type="hidden" name="cap" value={asked} />
                  <Field label="Reason" name="reason" required hint="Stands in the audit trail." />
                  <Button type="submit" name="intent" value="cap" kind="ink">
                    Change the cap to {preview.to.text}
                  </Button>
                </Form>
              ) : null}
            </Callout>
          ) : null}
        </div>
      )}
    </Section>
  )
}

export function Endings({ view, mine }: { view: SubKeyView; mine: boolean }) {
  const whose = mine ? 'your' : `${view.holder.name}’s`
  return (
    <Section title="Replace or delete" id="endings">
      <div className="max-w-[34rem] space-y-4">
        {view.phase === 'ready' ? (
          <details>
            <summary className="inline-flex min-h-11 items-center prose-link">
              Replace it by a new key
            </summary>
            <Form method="post" className="mt-2 space-y-4">
              <p>
                The old key stops at once, everywhere it is used. A new one is made with the{' '}
                {view.left.text} that are left; nothing more is taken from {whose} budget.
              </p>
              <Field label="Reason (optional)" name="reason" />
              <Button type="submit" name="intent" value="rotate">
                Replace the key
              </Button>
            </Form>
          </details>
        ) : null}
        <details>
          <summary className="inline-flex min-h-11 items-center prose-link">Delete it</summary>
          <Form method="post" className="mt-2 space-y-4">
            <p>
              The key stops at once, and cannot be brought back. What it has not spent (
              {view.left.text} by the last reading) returns to {whose} budget a few minutes later,
              after the last reading.
            </p>
            <Field label="Reason (optional)" name="reason" />
            <Button type="submit" name="intent" value="delete">
              Delete the key
            </Button>
          </Form>
        </details>
      </div>
    </Section>
  )
}
