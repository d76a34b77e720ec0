/** Where a person types the code of a terminal, sees what asks, and decides. It works without a script. */
import type { ReactNode } from 'react'
import type { SetupAsked, SetupKey } from '~/domain/claim/setup.server'
import type { SetupTool } from '~/domain/claim/setup-tools'
import { setupUrl } from '~/urls'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { EmptyState } from '../base/page-shell'
import { Ago } from '../base/time'
import { setupNotices, type SetupNoticeCode } from './setup-messages'

export type SetupChoice = SetupKey & { title: string }

const toolNames: Record<SetupTool, string> = {
  'claude-code': 'Claude Code',
  codex: 'Codex',
  opencode: 'opencode',
  aider: 'aider',
  continue: 'Continue',
  goose: 'goose',
}

export function SetupNoticeBox({ code }: { code: SetupNoticeCode }) {
  const { tone, title, next } = setupNotices[code]
  return (
    <div role="status" className="mt-6">
      <Callout tone={tone} title={title}>
        <p>{next}</p>
      </Callout>
    </div>
  )
}

export function EnterCode({ typed }: { typed: string }) {
  return (
    <form method="post" action={setupUrl} className="mt-6 space-y-4">
      <Warning />
      <input type="hidden" name="intent" value="find" />
      <Field
        label="Code"
        name="code"
        defaultValue={typed}
        required
        autoComplete="one-time-code"
        className="max-w-64 font-mono text-lead tracking-widest uppercase"
        hint="Eight letters and digits. Small letters and the dash do not matter."
      />
      <Button type="submit" kind="ink">
        Continue
      </Button>
    </form>
  )
}

const Warning = () => (
  <Callout tone="warning" title="Only type a code that you see on your own screen">
    <p>Whoever sends you a code wants your key. Keymint and the organiser never send you one.</p>
  </Callout>
)

/** What asks, in its own words, and which key it gets. */
export function Decide({
  asked,
  code,
  choices,
  asOf,
}: {
  asked: SetupAsked
  code: string
  choices: SetupChoice[]
  asOf: string
}) {
  const [only] = choices
  return (
    <form method="post" action={setupUrl} className="mt-6 space-y-5">
      <input type="hidden" name="code" value={code} />
      <dl className="grid gap-x-6 gap-y-3 rounded-box border border-rule bg-raised p-4 sm:grid-cols-[auto_1fr]">
        <Fact name="Tool">{toolNames[asked.tool]}</Fact>
        <Fact name="Computer">
          <bdi>{asked.machine}</bdi>
        </Fact>
        <Fact name="Asked">
          <Ago iso={asked.askedAt} asOf={asOf} />
        </Fact>
        {choices.length === 1 && only ? (
          <Fact name="Key">
            <KeyName choice={only} />
          </Fact>
        ) : null}
      </dl>
      <Warning />
      {choices.length === 0 ? (
        <EmptyState title="You have no key that works now">
          <p>
            Claim one from{' '}
            <a className="prose-link" href="/">
              the list of workshops
            </a>
            , then type the code again.
          </p>
        </EmptyState>
      ) : null}
      {choices.length === 1 && only ? (
        <input type="hidden" name="claim" value={only.claimId} />
      ) : null}
      {choices.length > 1 ? (
        <fieldset>
          <legend className="font-semibold">Which key does it get?</legend>
          {choices.map((choice) => (
            <label key={choice.claimId} className="flex min-h-11 items-start gap-3 py-2">
              <input
                type="radio"
                name="claim"
                value={choice.claimId}
                required
                className="mt-1 size-5 shrink-0 accent-ink"
              />
              <span className="min-w-0">
                <KeyName choice={choice} />
              </span>
            </label>
          ))}
        </fieldset>
      ) : null}
      {choices.length > 0 ? (
        <p>
          The computer gets this key in full and writes it into the configuration of{' '}
          {toolNames[asked.tool]}. If you do not know the computer, refuse.
        </p>
      ) : null}
      <div className="flex flex-wrap gap-3">
        {choices.length > 0 ? (
          <Button type="submit" kind="ink" name="intent" value="approve">
            Give it the key
          </Button>
        ) : null}
        <Button type="submit" name="intent" value="refuse" formNoValidate>
          Refuse
        </Button>
      </div>
    </form>
  )
}

function KeyName({ choice }: { choice: SetupChoice }) {
  return (
    <span className="[overflow-wrap:anywhere]">
      <bdi>{choice.title}</bdi>{' '}
      <span className="font-mono text-small text-soft">{choice.label}</span>
    </span>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0 font-semibold [overflow-wrap:anywhere]">{children}</dd>
    </>
  )
}
