/** Polls for a page in a browser: it stops while the page is hidden, and asks at once when it is seen again. */
import { readPolled, watch, type Polled, type Watch } from './poll'

/**
 * Asks `url` for as long as the page is open, and returns what ends it. Where there is nothing to
 * watch any more (signed out, gone), the page is loaded again: the server explains it.
 */
export function watchPage<Pulse extends Polled>(options: {
  url: string
  firstDelayMs: number
  /** Whether an answer is ours: captive portals answer 200 with their own page. */
  isOurs: (body: unknown) => body is Pulse
  onWatch: (state: Watch<Pulse>) => void
  random?: () => number
}): () => void {
  const { url, firstDelayMs, isOurs, onWatch, random = Math.random } = options
  const watcher = watch<Pulse>({
    firstDelayMs,
    ask: async (signal) =>
      readPolled(
        await fetch(url, { signal, cache: 'no-store', headers: { Accept: 'application/json' } }),
        isOurs,
      ),
    isHidden: () => document.hidden,
    random,
    onWatch,
    onGone: () => location.reload(),
  })
  const wake = () => watcher.wake()
  // A page that comes back by the back button has slept with its timers.
  const wakeFromCache = (event: PageTransitionEvent) => event.persisted && watcher.wake()
  document.addEventListener('visibilitychange', wake)
  addEventListener('online', wake)
  addEventListener('pageshow', wakeFromCache)
  return () => {
    watcher.stop()
    document.removeEventListener('visibilitychange', wake)
    removeEventListener('online', wake)
    removeEventListener('pageshow', wakeFromCache)
  }
}
