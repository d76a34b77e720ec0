import type { Live } from '~/client/use-live'
import { Button } from '../../base/button'
import { useHydrated } from '../../base/hydrated'

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
  const zone = hydrated ? Intl.DateTimeFormat().resolvedOptions().timeZone : 'UTC'
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  }).format(new Date(asOf))
  return (
    <div className="no-print flex flex-wrap items-center gap-x-3 text-small text-soft">
      <p className={live.kind === 'stale' ? 'font-semibold text-brick-ink' : ''}>
        <span role="status">
          {!hydrated
            ? 'As of'
            : live.kind === 'live'
              ? `Live, every ${live.everySeconds} s.`
              : live.kind === 'held'
                ? 'Updates pause while jobs are selected.'
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
          className="!min-h-9 !text-small"
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
