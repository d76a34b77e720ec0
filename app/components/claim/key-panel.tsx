/** Copy, show, test, replace and use a key. The key itself is never among the props. */
import type { ReactNode } from 'react'
import type { useKeyTest } from '~/client/use-key-test'
import { shownSeconds, type useRevealedKey } from '~/client/use-revealed-key'
import type { KeyView } from '~/domain/claim/view-types'
import type { ToolId } from '~/domain/workshop-file'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { ChevronIcon } from '../base/icons'
import { Section } from '../base/page-shell'
import { RevealButtons } from '../base/reveal-buttons'
import { Ago } from '../base/time'
import { loadedPart } from './loaded-part'
import { KeyTest } from './key-test'
import { ModelList } from './model-list'
import { revealProblems } from './reveal-problems'

type Test = ReturnType<typeof useKeyTest>

const testProblems: Record<NonNullable<Test['failed']>, { title: string; next: string }> = {
  'signed-out': revealProblems['signed-out'],
  'too-often': revealProblems['too-often'],
  unreachable: {
    title: 'We could not test your key',
    next: 'The connection failed. Check the wifi and try again.',
  },
}

export function KeyActions({
  revealed,
  revealable,
  revealUrl,
  testUrl,
  test,
}: {
  revealed: ReturnType<typeof useRevealedKey>
  revealable: boolean
  revealUrl: string
  testUrl: string
  test: Test
}) {
  const real = test.found?.result === 'works'
  return (
    <div className="no-print space-y-4">
      <div className="flex flex-wrap gap-3">
        <RevealButtons revealed={revealed} revealUrl={revealUrl} ready={revealable} />
        <form method="post" action={testUrl} onSubmit={test.submit}>
          <Button
            type="submit"
            busy={test.busy !== null || !revealable}
            busyText={test.busy === 'key' ? 'Testing…' : 'Test my key'}
            className="min-w-32"
          >
            Test my key
          </Button>
        </form>
      </div>
      <p className="min-h-5 text-small text-soft">
        {revealed.key === null
          ? 'You can copy or show it until it expires. Testing is free.'
          : `Hidden again after ${shownSeconds} seconds.`}
      </p>
      {revealed.problem ? (
        <Callout tone="warning" title={revealProblems[revealed.problem].title}>
          <p>{revealProblems[revealed.problem].next}</p>
        </Callout>
      ) : null}
      {test.found && test.busy !== 'key' ? <KeyTest found={test.found} /> : null}
      {real ? (
        <form method="post" action={testUrl} onSubmit={test.submit}>
          <input type="hidden" name="real" value="yes" />
          <Button type="submit" busy={test.busy !== null} busyText="Asking a model…">
            Send one real request
          </Button>
          <p className="mt-1 text-small text-soft">A fraction of a cent of your budget.</p>
        </form>
      ) : null}
      {test.failed ? (
        <Callout tone="warning" title={testProblems[test.failed].title}>
          <p>{testProblems[test.failed].next}</p>
        </Callout>
      ) : null}
    </div>
  )
}

/** Loaded when there is a key: whoever waits for one has nothing to run yet. */
const ToolSteps = loadedPart(
  () => import('./tool-steps').then((part) => part.default),
  'The steps for your tool did not load. Your key works: reload this page when the connection is better.',
  <p className="text-soft">Loading the steps for your tool…</p>,
)

export function KeyUse({
  budget,
  asOf,
  baseUrl,
  origin,
  tools,
}: {
  budget: KeyView
  asOf: string
  baseUrl: string
  origin: string
  tools: ToolId[]
}) {
  return (
    <>
      <section aria-labelledby="use">
        <h2 id="use" className="mb-3 text-head">
          Use it
        </h2>
        <ToolSteps baseUrl={baseUrl} origin={origin} models={budget.allowedModels} tools={tools} />
      </section>

      <Section title="Models you may use" id="models">
        {budget.unbound ? (
          <div className="mb-4">
            <Callout tone="warning" title="The model list is not assigned yet">
              <p>
                It was made <Ago iso={budget.unbound.since} asOf={asOf} />, and we are retrying
                automatically. Please use only these models until then.
              </p>
            </Callout>
          </div>
        ) : null}
        <ModelList models={budget.allowedModels} />
        <p className="mt-3 text-small text-soft">
          {budget.unbound ? 'Once it is assigned, the provider' : 'The provider'} refuses any other
          model with “No endpoints available matching your guardrail restrictions”.
        </p>
      </Section>
    </>
  )
}

/**
 * Two steps each, because programs that use the key stop working at once: open one, then the
 * button.
 */
export function KeyEndings({
  replaceUrl,
  claimId,
  isGiveaway,
  isPaused,
}: {
  /** Null while a replacement is under way. */
  replaceUrl: string | null
  claimId: string
  isGiveaway: boolean
  /** Nobody gets a new key at present. */
  isPaused: boolean
}) {
  return (
    <div className="no-print border-b border-rule">
      {replaceUrl ? (
        <Ending title="Replace a leaked key">
          <form method="post" action={replaceUrl} className="space-y-3">
            <p>
              We disable this key for good, and you get a new one on this page, with what is left.{' '}
              {isPaused
                ? 'New keys are paused at the moment: the new one comes when they resume.'
                : 'The new one has its budget about a minute later.'}{' '}
              Programs that use the old key get “401” until you update them.
            </p>
            <input type="hidden" name="confirm" value="yes" />
            <Button type="submit">Replace key</Button>
          </form>
        </Ending>
      ) : null}
      <Ending title="Give this key back">
        <GiveBack claimId={claimId}>
          We disable the key for good, and others can use what is left. Programs that use it get
          “401”.{' '}
          {isGiveaway
            ? 'You can claim another key later, when the giveaway’s rules allow it.'
            : 'You cannot claim another key here by yourself afterwards.'}
        </GiveBack>
      </Ending>
    </div>
  )
}

function GiveBack({ claimId, children }: { claimId: string; children: ReactNode }) {
  return (
    <form method="post" action="/me" className="space-y-3">
      <p>{children}</p>
      <input type="hidden" name="claimId" value={claimId} />
      <Button type="submit" name="intent" value="give-back">
        Give it back
      </Button>
    </form>
  )
}

function Ending({ title, children }: { title: string; children: ReactNode }) {
  return (
    <details className="group border-t border-rule">
      <summary className="flex min-h-12 list-none items-center gap-2 font-semibold">
        <span className="transition-transform duration-150 group-open:rotate-90">
          <ChevronIcon size={18} />
        </span>
        {title}
      </summary>
      <div className="pb-4 pl-6.5">{children}</div>
    </details>
  )
}
