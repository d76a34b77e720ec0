/** What a holder does with a ready key: copy and show. The key itself is never among the props. */
import type { useRevealedKey } from '~/client/use-revealed-key'
import type { SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { useHydrated } from '../base/hydrated'
import { CheckIcon, CopyIcon, EyeIcon } from '../base/icons'

export type RevealedKey = ReturnType<typeof useRevealedKey>

const problemMessages = {
  'signed-out': 'Your session has ended. Reload this page and sign in again.',
  'not-yet': 'The key is not ready yet. Try again in a few seconds.',
  'no-key': 'The key may have ended while this page was open. Reload the page to check.',
  'too-often': 'Too many requests. Wait a minute and try again.',
  unreachable: 'The connection failed, and nothing was shown or copied. Try again.',
}

export function SubKeyActions({
  revealed,
  view,
  revealUrl,
}: {
  revealed: RevealedKey
  view: SubKeyView
  revealUrl: string
}) {
  const hydrated = useHydrated()
  if (!view.revealable) return null
  return (
    <div className="no-print space-y-3">
      <div className="flex flex-wrap gap-3">
        {hydrated ? (
          <>
            <Button
              kind="key"
              busy={revealed.busy === 'copy'}
              busyText="Copying…"
              onClick={() => void revealed.copy()}
              className="min-w-40"
            >
              {revealed.copied ? <CheckIcon /> : <CopyIcon />}
              {revealed.copied ? 'Copied' : 'Copy key'}
            </Button>
            {revealed.key === null ? (
              <Button
                busy={revealed.busy === 'show'}
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
      </div>
      <p className="text-small text-soft">
        Only you can see the key, until it ends. The team’s audit trail records each time.
      </p>
      {revealed.problem ? (
        <Callout tone="warning" title="The key could not be shown">
          <p>{problemMessages[revealed.problem]}</p>
        </Callout>
      ) : null}
    </div>
  )
}
