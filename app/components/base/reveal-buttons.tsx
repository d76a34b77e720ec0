/** The buttons that copy and show a key. The key itself is never among the props. */
import type { useRevealedKey } from '~/client/use-revealed-key'
import { Button } from './button'
import { useHydrated } from './hydrated'
import { CheckIcon, CopyIcon, EyeIcon } from './icons'

export type RevealedKey = ReturnType<typeof useRevealedKey>

/** Without a script one form shows the key on a page of its own. `ready`: it can be opened now. */
export function RevealButtons({
  revealed,
  revealUrl,
  ready = true,
}: {
  revealed: RevealedKey
  revealUrl: string
  ready?: boolean
}) {
  // Both stand where they do afterwards: no press meant for one may hit the other.
  if (!useHydrated())
    return (
      <>
        <Button kind="key" className="needs-script min-w-40">
          <CopyIcon />
          Copy key
        </Button>
        <form method="post" action={revealUrl}>
          <Button type="submit" className="min-w-32">
            <EyeIcon />
            Show key
          </Button>
        </form>
      </>
    )
  return (
    <>
      <Button
        kind="key"
        busy={!ready || revealed.busy === 'copy'}
        busyText={ready ? 'Copying…' : 'In a few seconds…'}
        onClick={() => void revealed.copy()}
        className="min-w-40"
      >
        {revealed.copied ? <CheckIcon /> : <CopyIcon />}
        {revealed.copied ? 'Copied' : 'Copy key'}
      </Button>
      {revealed.key === null ? (
        <Button
          busy={!ready || revealed.busy === 'show'}
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
  )
}
