import { useEffect, useState } from 'react'
import { spanWords } from './time-words'

/**
 * Shown over the page while its data may be old, so that it moves nothing.
 * `lastGood` is a performance.now().
 */
export function ConnectionBar({ failures, lastGood }: { failures: number; lastGood: number }) {
  const [now, setNow] = useState(lastGood)
  const shown = failures >= 2
  useEffect(() => {
    if (!shown) return
    setNow(performance.now())
    const timer = setInterval(() => setNow(performance.now()), 1000)
    return () => clearInterval(timer)
  }, [shown, lastGood])
  if (!shown) return null
  return (
    <div
      className={
        'no-print fixed inset-x-0 bottom-0 z-10 border-t-2 border-amber bg-amber-wash ' +
        'px-5 py-3 text-amber-ink'
      }
    >
      <p className="mx-auto max-w-read">
        <strong>{navigator.onLine ? 'Reconnecting…' : 'You are offline.'}</strong> Last update{' '}
        {spanWords((now - lastGood) / 1000)} ago. We keep working on your claim.{' '}
        <a className="prose-link" href={location.pathname}>
          Try now
        </a>
      </p>
    </div>
  )
}
