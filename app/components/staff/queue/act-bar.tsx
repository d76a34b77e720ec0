import type { CappedCount, JobTab } from '~/domain/staff/queue/types'
import { Button } from '../../base/button'
import { countLabel } from './job-messages'

const bar =
  'flex flex-wrap items-center gap-x-2 gap-y-2 border-y border-rule bg-paper py-2 ' +
  'md:sticky md:top-0 md:z-[2]'

/**
 * The actions on the selected rows, and on all that match. Its buttons submit the form of the table;
 * without a script the number of selected rows is not known.
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
    ? `the newest ${countLabel({ count: atMost, more: false })}`
    : `all ${countLabel(matches)}`
  const [verb, action] = tab === 'dead' ? ['Send back', 'redrive'] : ['Retry', 'retry']
  const cancels = tab !== 'dead' && tab !== 'failed' && tab !== 'cancelled'
  const none = chosen === 0
  return (
    <div role="group" aria-label="Act on jobs" className={bar}>
      <p className="min-w-24 px-1 text-small font-semibold" aria-live="polite">
        {chosen === null ? 'Selected' : `${chosen} selected`}
      </p>
      <Button
        type="submit"
        name="do"
        value={`${action}-chosen`}
        busy={none || busy === `${action}-chosen`}
      >
        {verb} selected
      </Button>
      {cancels ? (
        <Button
          type="submit"
          name="do"
          value="ask-cancel-chosen"
          busy={none || busy === 'ask-cancel-chosen'}
        >
          Cancel selected…
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
