/** What one does with a key: copy, show, test, use. The key itself is never among the props. */
import type { useKeyTest } from '~/client/use-key-test'
import {
  download,
  shownSeconds,
  type RevealProblem,
  type useRevealedKey,
} from '~/client/use-revealed-key'
import type { KeyView } from '~/domain/claim/view-types'
import { BudgetMeter } from './budget-meter'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { useHydrated } from '../base/hydrated'
import { CheckIcon, CopyIcon, DownloadIcon, EyeIcon } from '../base/icons'
import { KeyTest } from './key-test'
import { ModelList } from './model-list'
import { Section } from '../base/page-shell'
import { SnippetList } from './snippet-list'
import { envFile, gitignoreLine, snippets } from './snippets'
import { CopyButton } from '../base/copy-button'
import { Ago, Countdown, Time } from '../base/time'

type Revealed = ReturnType<typeof useRevealedKey>
type Test = ReturnType<typeof useKeyTest>

const problemWords: Record<RevealProblem, { title: string; next: string }> = {
  'signed-out': {
    title: 'Your session has ended.',
    next: 'Reload this page and sign in again; your key is still yours.',
  },
  'not-yet': {
    title: 'Not quite yet.',
    next: 'Its limits are still being attached. Try again in a few seconds.',
  },
  'no-key': {
    title: 'There is no key to show.',
    next: 'It may have ended while this page was open. Reload it to see.',
  },
  'too-often': {
    title: 'That was too often.',
    next: 'We show and copy a key so many times a minute and no more. Wait a minute, then try again.',
  },
  unreachable: {
    title: 'We could not fetch your key.',
    next: 'The connection failed, and nothing was shown or copied. Check the wifi and try again.',
  },
}

export function KeyActions({
  revealed,
  revealable,
  revealUrl,
  testUrl,
  test,
}: {
  revealed: Revealed
  revealable: boolean
  revealUrl: string
  testUrl: string
  test: Test
}) {
  const hydrated = useHydrated()
  return (
    <div className="no-print space-y-4">
      <div className="flex flex-wrap gap-3">
        {hydrated ? (
          <>
            <Button
              kind="key"
              busy={!revealable || revealed.busy === 'copy'}
              busyText={revealable ? 'Copying…' : 'In a few seconds…'}
              onClick={() => void revealed.copy()}
              className="min-w-40"
            >
              {revealed.copied ? <CheckIcon /> : <CopyIcon />}
              {revealed.copied ? 'Copied' : 'Copy key'}
            </Button>
            {revealed.key === null ? (
              <Button
                busy={!revealable || revealed.busy === 'show'}
                onClick={() => void revealed.show()}
                className="min-w-32"
              >
                <EyeIcon />
                Show key
              </Button>
            ) : (
              <Button onClick={revealed.hide} className="min-w-32">
                <EyeIcon />
                Hide key
              </Button>
            )}
          </>
        ) : (
          <form method="post" action={revealUrl}>
            <Button type="submit" kind="key" className="min-w-40">
              <EyeIcon />
              Show key
            </Button>
          </form>
        )}
        <form method="post" action={testUrl} onSubmit={test.submit}>
          <Button
            type="submit"
            busy={test.busy || !revealable}
            busyText={test.busy ? 'Asking…' : 'Test my key'}
            className="min-w-32"
          >
            Test my key
          </Button>
        </form>
      </div>
      <p className="min-h-5 text-small text-soft">
        {revealed.key === null
          ? 'You can copy or show it again until it ends. Testing costs nothing.'
          : `Shown for ${shownSeconds} seconds, then masked again.`}
      </p>
      {revealed.problem ? (
        <Callout tone="warning" title={problemWords[revealed.problem].title}>
          <p>{problemWords[revealed.problem].next}</p>
        </Callout>
      ) : null}
      {test.verdict && !test.busy ? <KeyTest verdict={test.verdict} /> : null}
      {test.failed ? (
        <Callout
          tone="warning"
          title={test.failed === 'too-often' ? 'That was too often.' : 'We could not ask.'}
        >
          <p>
            {test.failed === 'too-often'
              ? 'A key can be tested ten times a minute. This says nothing about your key: wait a minute, then try again.'
              : 'The connection failed, which says nothing about your key. Check the wifi and try again.'}
          </p>
        </Callout>
      ) : null}
    </div>
  )
}

export function KeyUse({
  budget,
  asOf,
  baseUrl,
  revealedKey,
  replaceUrl,
}: {
  budget: KeyView
  asOf: string
  baseUrl: string
  revealedKey: string | null
  replaceUrl: string | null
}) {
  const hydrated = useHydrated()
  return (
    <>
      <Section title="What is left" id="budget">
        <BudgetMeter budget={budget} asOf={asOf} />
        <p className="mt-4">
          Ends <Countdown iso={budget.expiresAt} asOf={asOf} passed="now" />:{' '}
          <Time iso={budget.expiresAt} now={asOf} />.
        </p>
      </Section>

      <Section title="Use it" id="use">
        <SnippetList snippets={snippets({ baseUrl, models: budget.allowedModels })} />
        <h3 className="mt-8 mb-2 text-lead font-semibold">Your .env file</h3>
        <pre
          tabIndex={0}
          aria-label=".env file"
          className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small"
        >
          <code>{envFile(revealedKey, baseUrl)}</code>
        </pre>
        {hydrated ? (
          <div className="mt-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            <Button
              busy={revealedKey === null}
              onClick={() => revealedKey && download('.env', envFile(revealedKey, baseUrl))}
            >
              <DownloadIcon />
              Download .env
            </Button>
            <p className="text-small text-soft">
              {revealedKey === null
                ? 'Show the key first: the file then holds it.'
                : 'Holds your key.'}
            </p>
          </div>
        ) : null}
        <div className="mt-6">
          <Callout tone="warning" title="Keep it out of git.">
            <p>
              Anyone who finds the key can spend what is left on it. Put this line into your{' '}
              <code className="font-mono text-small">.gitignore</code> before the first commit:
            </p>
            <div className="flex items-center gap-4">
              <code id="gitignore-line" className="font-mono">
                {gitignoreLine}
              </code>
              <CopyButton
                text={gitignoreLine}
                label="the .gitignore line"
                targetId="gitignore-line"
              />
            </div>
            <p>
              If it has leaked all the same, replace it at once
              {replaceUrl ? '' : ': that is under way'}.
            </p>
          </Callout>
          {replaceUrl ? <Replace url={replaceUrl} /> : null}
        </div>
      </Section>

      <Section title="Models you may use" id="models">
        {budget.unbound ? (
          <div className="mb-4">
            <Callout tone="warning" title="The list of models is still being attached.">
              <p>
                Your key works already. It was made <Ago iso={budget.unbound.since} asOf={asOf} />,
                and we keep trying. Please use only these models meanwhile.
              </p>
            </Callout>
          </div>
        ) : null}
        <ModelList models={budget.allowedModels} />
        <p className="mt-3 text-small text-soft">
          Any other model is refused with “No endpoints available matching your guardrail
          restrictions”.
        </p>
      </Section>
    </>
  )
}

/**
 * Opening it is the first step, the button the second: there is no way back for a program that uses
 * the key.
 */
function Replace({ url }: { url: string }) {
  return (
    <details className="no-print mt-4">
      <summary className="min-h-11 cursor-pointer py-2 font-semibold">Replace a leaked key</summary>
      <form method="post" action={url} className="space-y-3">
        <p>
          This key is switched off for good, and you get a new one with what is left, on this page.
          Programs that use it get “401” until you give them the new one.
        </p>
        <input type="hidden" name="confirm" value="yes" />
        <Button type="submit">Switch it off and give me a new one</Button>
      </form>
    </details>
  )
}
