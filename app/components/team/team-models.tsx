import { Form } from '@remix-run/react'
import type { TeamModelsView } from '~/domain/team/model-limits.server'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Select, TextArea } from '../base/field'

type Typed = { service: string; models: string; rule: string; message: string }

/** Which models the keys of one service may use; owners change it. */
export function TeamModels({
  view,
  mayChange,
  refused,
}: {
  view: TeamModelsView
  mayChange: boolean
  /** What was typed for this service and not taken. */
  refused: Typed | null
}) {
  const { title, models, bound, open, live } = view
  return (
    <div>
      <h3 className="font-semibold">{title}</h3>
      <p className="mt-1 max-w-read text-soft">
        {models.length === 0
          ? 'No list is set: a key works with every model of the provider, or with those that its member names.'
          : bound
            ? 'No key of the team works with another model than these.'
            : 'The form for a new key begins with these models. A member may name others.'}
      </p>
      {models.length > 0 ? (
        <ul className="mt-2 flex flex-wrap gap-x-3 gap-y-1">
          {models.map((model) => (
            <li key={model} className="font-mono text-small [overflow-wrap:anywhere]">
              {model}
            </li>
          ))}
        </ul>
      ) : null}
      {open > 0 ? (
        <div role="status" className="mt-3 max-w-read">
          <Callout
            tone="warning"
            title={`${open} of ${live} live keys ${open === 1 ? 'does' : 'do'} not follow this yet`}
          >
            <p>
              They change within about a minute. What the provider does not accept is retried
              automatically; the page of the key says why.
            </p>
          </Callout>
        </div>
      ) : null}
      {mayChange ? (
        <Form method="post" className="mt-4 max-w-[28rem] space-y-4">
          <input type="hidden" name="service" value={view.service} />
          <input type="hidden" name="was" value={view.version} />
          <TextArea
            label={`Models at ${title}`}
            name="models"
            rows={4}
            hint={
              'Names as the provider writes them, separated by spaces, commas or lines; at most 50. ' +
              'Empty for every model.'
            }
            defaultValue={refused?.models ?? models.join('\n')}
            error={refused?.message}
          />
          <Select
            label="The list is"
            name="rule"
            hint="Live keys follow a limit within about a minute."
            defaultValue={refused?.rule ?? (bound ? 'limit' : 'suggestion')}
            options={[
              { value: 'suggestion', label: 'a suggestion for new keys' },
              { value: 'limit', label: 'a limit for every key' },
            ]}
          />
          <Button type="submit" name="intent" value="models">
            Set the models at {title}
          </Button>
        </Form>
      ) : null}
    </div>
  )
}
