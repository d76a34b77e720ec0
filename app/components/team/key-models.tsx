import { Form } from '@remix-run/react'
import type { KeyModelsView } from '~/domain/team/key-models.server'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { Section } from '../base/page-shell'
import { Table } from '../base/table'
import { Ago } from '../base/time'

/** The models that a key may use, and what they cost where the provider says it. */
export function KeyModels({
  view,
  models,
  search,
  asOf,
}: {
  view: SubKeyView
  models: KeyModelsView
  search: string
  asOf: string
}) {
  const isLimited = view.models.length > 0
  const list = <ModelList models={models} search={search} />
  return (
    <Section title="Models" id="models">
      <p className="max-w-read">
        {isLimited
          ? `This key works with ${models.total === 1 ? 'one model' : `${models.total} models`}.`
          : 'This key works with every model of the provider.'}
      </p>
      {models.readAt === null ? (
        <p className="mt-2 max-w-read text-soft">
          The provider’s list of models could not be read just now. The key does not depend on it.
        </p>
      ) : (
        <p className="mt-2 max-w-read text-small text-soft">
          {models.priced
            ? 'Prices are USD for a million tokens, as the provider lists them. Read'
            : 'The provider lists no prices. Read'}{' '}
          <Ago iso={models.readAt} asOf={asOf} />.
        </p>
      )}
      {models.total === 0 ? null : isLimited ? (
        <div className="mt-4">{list}</div>
      ) : (
        <details className="mt-4" open={search !== ''}>
          <summary className="min-h-11 cursor-pointer py-2 font-semibold">
            Search {models.total} models
          </summary>
          <Form
            method="get"
            action="#models"
            preventScrollReset
            className="mt-2 flex max-w-[28rem] flex-wrap items-end gap-3"
          >
            <div className="min-w-48 flex-1">
              <Field label="Part of a name" name="model" defaultValue={search} maxLength={100} />
            </div>
            <Button type="submit">Search</Button>
          </Form>
          <div className="mt-4">{list}</div>
        </details>
      )}
    </Section>
  )
}

function ModelList({ models, search }: { models: KeyModelsView; search: string }) {
  if (models.found === 0)
    return (
      <p className="max-w-read [overflow-wrap:anywhere]">No model has “{search}” in its name.</p>
    )
  return (
    <>
      <Table
        label="Models of this key"
        stacked
        className="max-w-[44rem]"
        rows={models.models}
        rowKey={({ id }) => id}
        columns={[
          {
            head: 'Model',
            header: true,
            className: 'font-mono text-small font-normal [overflow-wrap:anywhere]',
            cell: ({ id, known }) => (
              <>
                {id}
                {known || models.readAt === null ? null : (
                  <span className="block font-sans text-soft">not in the provider’s list now</span>
                )}
              </>
            ),
          },
          models.priced
            ? { head: 'Input', right: true, named: true, cell: ({ input }) => priceText(input) }
            : null,
          models.priced
            ? { head: 'Output', right: true, named: true, cell: ({ output }) => priceText(output) }
            : null,
        ]}
      />
      {models.found > models.models.length ? (
        <p className="mt-2 text-small text-soft">
          {models.models.length} of {models.found} are shown. Search for a part of the name to see
          others.
        </p>
      ) : null}
    </>
  )
}

/** "$0.05", with as many digits as the price has. */
function priceText(usd: string | null): string {
  if (usd === null) return 'not named'
  const [whole = '0', digits = ''] = usd.split('.')
  return `$${whole}.${digits.replace(/0+$/, '').padEnd(2, '0')}`
}
