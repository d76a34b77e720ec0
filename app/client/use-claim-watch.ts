/** The watcher of client/poll.ts as a hook: what the last poll said, and a fresh page whenever there is something new. */
import { useRevalidator } from '@remix-run/react'
import { useEffect, useRef, useState } from 'react'
import { readAnswer, watch, type Watch } from './poll'

export function useClaimWatch(input: { url: string; version: string; nextPollMs: number | null }): Watch {
  const { url, version, nextPollMs } = input
  const [state, setState] = useState<Watch>({ failures: 0, pulse: null })
  const { revalidate } = useRevalidator()
  const loaded = useRef(version)
  const reload = useRef(revalidate)
  reload.current = revalidate
  const watching = nextPollMs !== null
  const firstDelay = useRef(nextPollMs ?? 0)

  useEffect(() => {
    loaded.current = version
  }, [version])

  useEffect(() => {
    if (!watching) return
    const watcher = watch({
      firstDelayMs: firstDelay.current,
      ask: async (signal) => readAnswer(await fetch(url, { signal, cache: 'no-store', headers: { Accept: 'application/json' } })),
      isHidden: () => document.hidden,
      random: Math.random,
      onWatch: (next) => {
        setState(next)
        if (next.failures === 0 && next.pulse && next.pulse.v !== loaded.current) reload.current()
      },
      onGone: () => reload.current(),
    })
    const wake = () => watcher.wake()
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
  }, [url, watching])

  return state
}
