import type { CappedCount, JobTab } from '~/domain/staff/queue/types'
import { Button } from '../../base/button'
import { countWords } from './job-words'

/**
 * What can be done to the chosen rows, and to all that match. Its buttons submit the form of the
 * table; without a script the number of the chosen is not known.
 */
export function JobActBar({
  tab,
  chosen,
  matches,
  atMost,
  busy,
}: {
  tab: JobTab
  chosen: number | null
  matches: CappedCount
  atMost: number
  busy: string | null
}) {
  if (tab === 'done' || matches.count === 0) return null
  const all = matches.more
    ? `the newest ${countWords({ count: atMost, more: false })}`
    : `all ${countWords(matches)}`
  const [verb, action] = tab === 'dead' ? ['Send back', 'redrive'] : ['Retry', 'retry']
  const cancels = tab !== 'dead' && tab !== 'failed' && tab !== 'cancelled'
  const none = chosen === 0
  return (
    <div
      role="group"
      aria-label="Act on jobs"
      className="flex flex-wrap items-center gap-x-2 gap-y-2 border-y border-rule bg-paper py-2 md:sticky md:top-0 md:z-[2]"
    >
      <p className="min-w-24 px-1 text-small font-semibold" aria-live="polite">
        {chosen === null ? 'The chosen' : `${chosen} chosen`}
      </p>
      <Button
        type="submit"
        name="do"
        value={`${action}-chosen`}
        busy={none || busy === `${action}-chosen`}
      >
        {verb} chosen
      </Button>
      {cancels ? (
        <Button
          type="submit"
          name="do"
          value="ask-cancel-chosen"
          busy={none || busy === 'ask-cancel-chosen'}
        >
          Cancel chosen…
        </Button>
      ) : null}
      <span className="hidden h-6 border-l border-rule sm:inline" aria-hidden="true" />
      <Button
        type="submit"
        name="do"
        value={`${action}-all`}
        busy={busy === `${action}-all`}
        busyText="Starting…"
      >
        {verb} {all} that match
      </Button>
      {cancels ? (
        <Button
          type="submit"
          name="do"
          value="ask-cancel-all"
          kind="quiet"
          busy={busy === 'ask-cancel-all'}
        >
          Cancel {all}…
        </Button>
      ) : null}
    </div>
  )
}
