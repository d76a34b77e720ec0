import { useLocation } from '@remix-run/react'
import { useState } from 'react'
import { useLive, type Live } from '~/client/use-live'
import { Button } from '../base/button'
import { useHydrated } from '../base/hydrated'
import { useZone } from '../base/time'
import { clockText } from '../base/time-text'

/** Whether the page is current: how often it updates, its last update, and a missing answer. */
export function LiveLine({
  live,
  asOf,
  refreshHref,
  onToggle,
}: {
  live: Live
  asOf: string
  refreshHref: string
  onToggle: () => void
}) {
  const hydrated = useHydrated()
  const zone = useZone()
  const clock = clockText(asOf, zone, true)
  return (
    <div className="no-print flex flex-wrap items-center gap-x-3 text-small text-soft">
      <p className={live.kind === 'stale' ? 'font-semibold text-brick-ink' : ''}>
        <span role="status">
          {!hydrated
            ? 'As of'
            : live.kind === 'live'
              ? `Live, every ${live.everySeconds} s.`
              : live.kind === 'held'
                ? 'Updates pause while you select or type.'
                : live.kind === 'off'
                  ? 'Updates are paused.'
                  : ''}
        </span>
        {live.kind === 'stale' ? `No answer for ${live.seconds} s. Retrying automatically.` : ''}{' '}
        {hydrated ? `Last update ${clock}.` : `${clock}.`}
      </p>
      {hydrated ? (
        <Button
          kind="quiet"
          // Its text begins where the line above does, also where it stands below.
          className="-ml-2.5 !min-h-9 !text-small"
          onClick={onToggle}
          aria-pressed={live.kind === 'off'}
        >
          {live.kind === 'off' ? 'Resume updates' : 'Pause updates'}
        </Button>
      ) : (
        <a className="inline-flex min-h-11 items-center prose-link" href={refreshHref}>
          Refresh
        </a>
      )}
    </div>
  )
}

/** Keeps the page that it stands on fresh, and says so; what one selects or types holds it still. */
export function LiveBar({ asOf, everyMs = 5_000 }: { asOf: string; everyMs?: number }) {
  const [on, setOn] = useState(true)
  const { pathname, search } = useLocation()
  const live = useLive({ loadedAt: asOf, everyMs, on })
  return (
    <LiveLine live={live} asOf={asOf} refreshHref={pathname + search} onToggle={() => setOn(!on)} />
  )
}
