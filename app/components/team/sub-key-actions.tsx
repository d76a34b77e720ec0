/** What a holder does with a ready key: copy and show. The key itself is never among the props. */
import type { SubKeyView } from '~/domain/team/view-types'
import { Callout } from '../base/callout'
import { RevealButtons, type RevealedKey } from '../base/reveal-buttons'

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
  if (!view.revealable) return null
  return (
    <div className="no-print space-y-3">
      <div className="flex flex-wrap gap-3">
        <RevealButtons revealed={revealed} revealUrl={revealUrl} />
      </div>
      {revealed.parts && revealed.parts.length > 1 ? (
        <dl className="space-y-2">
          {revealed.parts.map(({ label, value }) => (
            <div key={label}>
              <dt className="font-semibold">{label}</dt>
              <dd className="font-mono text-small break-all select-all">{value}</dd>
            </div>
          ))}
        </dl>
      ) : null}
      <p className="text-small text-soft">
        {view.holder.service ? 'Only owners of the team' : 'Only you'} can see the key, until it
        ends. The team’s audit trail records each time.
      </p>
      {revealed.problem ? (
        <Callout tone="warning" title="The key could not be shown">
          <p>{problemMessages[revealed.problem]}</p>
        </Callout>
      ) : null}
    </div>
  )
}
