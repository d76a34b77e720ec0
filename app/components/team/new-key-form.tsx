import { Form, Link } from '@remix-run/react'
import { keyLives } from '~/domain/team/key-life'
import type { MasterKeyChoice } from '~/domain/team/team-view.server'
import type { BudgetView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Field, Select } from '../base/field'
import { lifeLabels } from './store-messages'
import { serviceTitle } from './sub-key-messages'

/** What was typed before, by field. */
export type TypedFields = Record<string, string>

export function NewKeyForm({
  masterKeys,
  selected,
  budget,
  typed,
  formId,
  errorAt,
  busy,
  holder,
}: {
  masterKeys: MasterKeyChoice[]
  selected: MasterKeyChoice
  budget: BudgetView
  typed: TypedFields
  /** Posted twice, it asks for one key. */
  formId: string
  errorAt: (field: string) => { error?: string }
  busy: boolean
  /** The service account that it is for; null for the reader's own. */
  holder: { userId: string; name: string } | null
}) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-6">
      <ProviderChoice masterKeys={masterKeys} selected={selected} holder={holder} />
      {holder ? <input type="hidden" name="for" value={holder.userId} /> : null}
      <input type="hidden" name="formId" value={formId} />
      <p className="text-soft">
        {selected.texts.gets} {selected.texts.remains}
      </p>
      <input type="hidden" name="masterKey" value={selected.id} />
      <Field
        label="Purpose"
        name="purpose"
        required
        hint={
          holder
            ? 'What the key is for. Owners tell keys apart by it.'
            : 'What the key is for. You and the owners tell keys apart by it.'
        }
        defaultValue={typed.purpose ?? ''}
        {...errorAt('purpose')}
      />
      <Field
        label="Project (optional)"
        name="project"
        hint="At most 40 characters. You can search keys by it and change it later."
        defaultValue={typed.project ?? ''}
        {...errorAt('project')}
      />
      <Field
        label="Cap in USD"
        name="cap"
        required
        hint={`At most ${maxCap(budget, holder !== null)} ${selected.texts.atCap}`}
        defaultValue={typed.cap ?? ''}
        {...errorAt('cap')}
      />
      <Select
        label="The cap counts"
        name="reset"
        defaultValue={typed.reset ?? 'once'}
        options={[
          { value: 'once', label: 'once, until the key ends' },
          ...(selected.resets.includes('monthly')
            ? [{ value: 'monthly', label: 'every calendar month (UTC), set aside each month' }]
            : []),
        ]}
      />
      <Select
        label="The key ends"
        name="life"
        defaultValue={typed.life ?? '30d'}
        options={keyLives.map((life) => ({ value: life, label: lifeLabels[life] }))}
        {...errorAt('life')}
      />
      {selected.options.map((option) => (
        <Select
          key={option.name}
          label={option.label}
          name={`option-${option.name}`}
          defaultValue={typed[`option-${option.name}`] ?? option.choices[0]?.value ?? ''}
          options={[...option.choices]}
        />
      ))}
      {selected.modelList !== 'none' ? (
        <ModelChoice
          key={selected.id}
          {...selected.models}
          typed={typed.models}
          {...errorAt('models')}
        />
      ) : null}
      <p className="text-small text-soft">
        The cap is set aside at once. What a one-off key has not spent returns to{' '}
        {holder ? 'the budget of the service account' : 'your budget'} when the key is deleted or
        ends.
      </p>
      <Button
        type="submit"
        name="intent"
        value="provision"
        kind="key"
        busy={busy}
        busyText="Setting aside…"
      >
        Make the {selected.texts.noun}
      </Button>
    </Form>
  )
}

/** A limit of the team is a list to choose from; without one any model can be named. */
function ModelChoice({
  list,
  bound,
  typed,
  error,
}: {
  list: string[]
  bound: boolean
  typed: string | undefined
  error?: string
}) {
  if (!bound)
    return (
      <Field
        label="Models (optional)"
        name="models"
        hint="Names as the provider writes them, separated by spaces or commas. Leave empty for all models."
        defaultValue={typed ?? list.join(' ')}
        {...(error === undefined ? {} : { error })}
      />
    )
  const chosen = new Set(typed?.split(/[\s,]+/))
  return (
    <fieldset>
      <legend className="font-semibold">Models</legend>
      <p className="text-small text-soft">
        Owners of the team allow these. Leave all empty to use every one of them.
      </p>
      {list.map((model) => (
        <label key={model} className="flex min-h-11 items-start gap-3 py-2">
          <input
            type="checkbox"
            name="models"
            value={model}
            defaultChecked={chosen.has(model)}
            className="mt-1 size-5 shrink-0 accent-ink"
          />
          <span className="min-w-0 font-mono text-small [overflow-wrap:anywhere]">{model}</span>
        </label>
      ))}
      {error === undefined ? null : (
        <p role="alert" className="mt-1 text-small font-semibold text-brick-ink">
          {error}
        </p>
      )}
    </fieldset>
  )
}

/** One credential is named, several are links; the selected one is part of the address. */
function ProviderChoice({
  masterKeys,
  selected,
  holder,
}: {
  masterKeys: MasterKeyChoice[]
  selected: MasterKeyChoice
  holder: { userId: string } | null
}) {
  const forWhom = holder ? `for=${encodeURIComponent(holder.userId)}&` : ''
  if (masterKeys.length === 1)
    return (
      <p>
        <span className="font-semibold">Provider:</span> {serviceTitle(selected.service)}{' '}
        <span className="font-mono text-small">{selected.label}</span>
      </p>
    )
  return (
    <div>
      <p className="font-semibold">Provider</p>
      <ul className="mt-1 space-y-1">
        {masterKeys.map((key) => (
          <li key={key.id}>
            {key.id === selected.id ? (
              <strong>
                {serviceTitle(key.service)}{' '}
                <span className="font-mono text-small">{key.label}</span> (selected)
              </strong>
            ) : (
              <Link
                className="inline-flex min-h-11 items-center prose-link"
                to={`?${forWhom}with=${key.id}`}
              >
                {serviceTitle(key.service)}{' '}
                <span className="ml-2 font-mono text-small">{key.label}</span>
              </Link>
            )}
          </li>
        ))}
      </ul>
    </div>
  )
}

const maxCap = ({ free, teamLeft }: BudgetView, isService: boolean) =>
  teamLeft
    ? `${teamLeft.text}, which is what the team’s ceiling leaves.`
    : `${free.text}, which is what ${isService ? 'its' : 'your'} budget leaves.`
