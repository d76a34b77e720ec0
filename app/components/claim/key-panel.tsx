/** Copy, show, test and use a key. The key itself is never among the props. */
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

const problemMessages: Record<RevealProblem, { title: string; next: string }> = {
  'signed-out': {
    title: 'Your session has ended',
    next: 'Reload this page and sign in again. Your key is safe.',
  },
  'not-yet': {
    title: 'Your key is almost ready',
    next: 'We are setting its limits. Try again in a few seconds.',
  },
  'no-key': {
    title: 'There is no key to show',
    next: 'It may have expired while this page was open. Reload the page to see.',
  },
  'too-often': {
    title: 'Too many attempts',
    next: 'Wait a minute and try again.',
  },
  unreachable: {
    title: 'We could not fetch your key',
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
            busyText={test.busy ? 'Testing…' : 'Test my key'}
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
        <Callout tone="warning" title={problemMessages[revealed.problem].title}>
          <p>{problemMessages[revealed.problem].next}</p>
        </Callout>
      ) : null}
      {test.found && !test.busy ? <KeyTest found={test.found} /> : null}
      {test.failed ? (
        <Callout
          tone="warning"
          title={test.failed === 'too-often' ? 'Too many attempts' : 'We could not test your key'}
        >
          <p>
            {test.failed === 'too-often'
              ? 'Wait a minute and try again.'
              : 'The connection failed. Check the wifi and try again.'}
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
          Expires <Countdown iso={budget.expiresAt} asOf={asOf} passed="now" />:{' '}
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
              {revealedKey === null ? 'Show your key to download it.' : 'Includes your key.'}
            </p>
          </div>
        ) : null}
        <div className="mt-6">
          <Callout tone="warning" title="Keep it out of git">
            <p>
              Anyone who finds the key can spend what is left. Add this line to your{' '}
              <code className="font-mono text-small">.gitignore</code> before your first commit:
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
              Leaked it anyway? {replaceUrl ? 'Replace it now.' : 'We are replacing it already.'}
            </p>
          </Callout>
          {replaceUrl ? <Replace url={replaceUrl} /> : null}
        </div>
      </Section>

      <Section title="Models you may use" id="models">
        {budget.unbound ? (
          <div className="mb-4">
            <Callout tone="warning" title="The model list is not assigned yet">
              <p>
                Your key already works. It was made <Ago iso={budget.unbound.since} asOf={asOf} />,
                and we are retrying automatically. Please use only these models until then.
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
 * Two steps, because programs that use the key stop working at once: open this, then the button.
 */
function Replace({ url }: { url: string }) {
  return (
    <details className="no-print mt-4">
      <summary className="min-h-11 cursor-pointer py-2 font-semibold">Replace a leaked key</summary>
      <form method="post" action={url} className="space-y-3">
        <p>
          We disable this key for good, and you get a new one on this page, with what is left.
          Programs that use the old key get “401” until you update them.
        </p>
        <input type="hidden" name="confirm" value="yes" />
        <Button type="submit">Replace key</Button>
      </form>
    </details>
  )
}
