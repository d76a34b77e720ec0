import type { Live } from '~/client/use-live'

/** For pages that update themselves without a bar that says so: they say when they cannot. */
export function StaleNote({ live }: { live: Live }) {
  return (
    <p role="status" className={live.kind === 'stale' ? 'mt-3 font-semibold text-brick-ink' : ''}>
      {live.kind === 'stale' ? 'The page gets no answer. Retrying automatically.' : ''}
    </p>
  )
}
