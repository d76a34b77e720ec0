import { Form } from '@remix-run/react'
import type { CapPreview } from '~/domain/team/cap-preview.server'
import { keyLives } from '~/domain/team/key-life'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field, Select } from '../base/field'
import { Section } from '../base/page-shell'
import { subKeyUrl } from '../../urls'
import { positiveAmount } from './amount-messages'
import { lifeLabels } from './store-messages'

/** A change of the cap: first its preview, then the change itself, with a reason. */
export function CapChange({
  slug,
  view,
  preview,
  input,
}: {
  slug: string
  view: SubKeyView
  preview: CapPreview | null
  input: { cap: string; valid: boolean }
}) {
  return (
    <Section title="Change the cap" id="cap">
      {view.phase === 'changing' ? (
        <p className="text-soft">
          A change is in progress. You can make the next one when it is done.
        </p>
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
                defaultValue={input.cap}
                {...(input.valid ? {} : { error: positiveAmount })}
              />
            </div>
            <Button type="submit">Preview</Button>
          </Form>
          {preview ? (
            <Callout
              tone={preview.possible ? 'plain' : 'warning'}
              title={
                preview.possible
                  ? `${preview.from.text} becomes ${preview.to.text}`
                  : preview.why === 'below-used'
                    ? `The key has spent ${preview.used.text} already`
                    : preview.why === 'team-ceiling'
                      ? 'The team’s ceiling is not enough for this cap'
                      : 'The budget is not enough for this cap'
              }
            >
              <p>{previewMessage(preview)}</p>
              {preview.possible ? (
                <Form
                  method="post"
                  action={`${subKeyUrl(slug, view.id)}?index`}
                  className="mt-3 space-y-4"
                >
                  <input type="hidden" name="cap" value={input.cap} />
                  <input type="hidden" name="was" value={preview.from.usd.toFixed(9)} />
                  <Field
                    label="Reason"
                    name="reason"
                    required
                    hint="Recorded in the audit trail."
                  />
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

function previewMessage(preview: CapPreview): string {
  if (preview.why === 'below-used')
    return 'A cap cannot be lower than what is spent. Delete the key to stop it.'
  if (preview.why === 'not-enough')
    return `${preview.freeBefore.text} is free. Choose a lower cap, delete a key, or request more budget.`
  if (preview.why === 'team-ceiling')
    return (
      `${preview.underCeiling?.text ?? ''} is left under the team’s ceiling for this month. ` +
      'Only an owner of the team can change the ceiling.'
    )
  const free = `Free in the budget: ${preview.freeBefore.text} now, ${preview.freeAfter.text} after.`
  return preview.raises
    ? `${free} The difference is set aside at once. The key can spend it when the provider has confirmed the cap.`
    : `${free} The difference is free when the provider has confirmed the cap.`
}

const overlaps = [
  { value: '0', label: 'It stops at once' },
  { value: '1', label: '1 hour' },
  { value: '4', label: '4 hours' },
  { value: '8', label: '8 hours' },
  { value: '24', label: '24 hours' },
]

const ends = keyLives.map((life) => ({ value: life, label: lifeLabels[life] }))

/** Replacing and deleting a key, and a later end. */
export function Endings({ view, mine }: { view: SubKeyView; mine: boolean }) {
  const whose = mine ? 'your' : `${view.holder.name}’s`
  return (
    <Section title={view.replaceable ? 'Replace or delete' : 'Delete'} id="endings">
      <div className="max-w-[34rem] space-y-4">
        {view.phase === 'ready' && view.replaceable ? (
          <details>
            <summary className="inline-flex min-h-11 items-center prose-link">
              Replace it with a new key
            </summary>
            <Form method="post" className="mt-2 space-y-4">
              <p>
                The new key gets the {view.left.text} that is left; nothing more is taken from{' '}
                {whose} budget.{' '}
                {view.mayOverlap
                  ? 'If the old key goes on for a while, each has half of that until the old one ends. ' +
                    'The new one then gets what the old one did not use. ' +
                    'If the key has leaked, stop it at once.'
                  : 'The old key stops at once, everywhere it is used: ' +
                    'its service counts anew each month and cannot keep both within one cap.'}
              </p>
              <input type="hidden" name="generation" value={view.generation} />
              {view.mayOverlap ? (
                <Select label="The old key goes on for" name="hours" options={overlaps} />
              ) : null}
              <Select
                label="The new key ends, counted from now"
                name="life"
                hint="The provider cannot move the end of a key. Its replacement can end later."
                defaultValue="keep"
                options={[{ value: 'keep', label: 'when this one would have ended' }, ...ends]}
              />
              <Field label="Reason (optional)" name="reason" />
              <Button type="submit" name="intent" value="rotate">
                Replace the key
              </Button>
            </Form>
          </details>
        ) : null}
        {view.phase === 'ready' && view.endHeldHere ? (
          <details>
            <summary className="inline-flex min-h-11 items-center prose-link">
              Let it end later
            </summary>
            <Form method="post" className="mt-2 space-y-4">
              <p>
                The {view.texts?.noun ?? 'key'} goes on as it is, within the same cap. Nothing more
                is taken from {whose} budget.
              </p>
              <input type="hidden" name="was" value={view.expiresAt} />
              <Select
                label="The new end, counted from now"
                name="life"
                defaultValue="30d"
                options={ends}
              />
              <Field label="Reason (optional)" name="reason" />
              <Button type="submit" name="intent" value="end">
                Move the end
              </Button>
            </Form>
          </details>
        ) : null}
        {view.replaceable ? null : (
          <p className="text-soft">
            A {view.texts?.noun ?? 'key'} of this service cannot be replaced. Make another one, then
            delete this one.
          </p>
        )}
        <details>
          <summary className="inline-flex min-h-11 items-center prose-link">Delete it</summary>
          <Form method="post" className="mt-2 space-y-4">
            <p>
              {view.oldKey ? 'The key and its old key stop' : 'The key stops'} at once and cannot be
              restored. What it has not spent ({view.left.text} by the last reading) returns to{' '}
              {whose} budget a few minutes later, after the final reading. {view.texts?.remains}
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
