/** Keeps a wall true while it stands on a screen: holds the last answer, and nothing of those before. */
import { useEffect, useState } from 'react'
import type { WallView } from '~/domain/operations/wall'
import { readPolled, watch as startWatch } from './poll'

export type WatchedWall = { wall: WallView; failures: number; lastGood: number }

export function useWall(loaded: WallView, statusUrl: string): WatchedWall {
  const [state, setState] = useState<WatchedWall>({ wall: loaded, failures: 0, lastGood: 0 })
  const firstDelayMs = loaded.next
  useEffect(() => {
    setState((before) => ({ ...before, lastGood: performance.now() }))
    const watcher = startWatch<WallView>({
      firstDelayMs,
      ask: async (signal) =>
        readPolled(
          await fetch(statusUrl, {
            signal,
            cache: 'no-store',
            headers: { Accept: 'application/json' },
          }),
          isWall,
        ),
      isHidden: () => document.hidden,
      random: Math.random,
      onWatch: ({ pulse, failures }) =>
        setState((before) =>
          failures === 0 && pulse
            ? { wall: pulse, failures, lastGood: performance.now() }
            : { ...before, failures },
        ),
      // The workshop is gone, or its file has an error: the server's page explains it.
      onGone: () => location.reload(),
    })
    const wake = () => watcher.wake()
    document.addEventListener('visibilitychange', wake)
    addEventListener('online', wake)
    return () => {
      watcher.stop()
      document.removeEventListener('visibilitychange', wake)
      removeEventListener('online', wake)
    }
  }, [statusUrl, firstDelayMs])
  return state
}

function isWall(body: unknown): body is WallView {
  return (
    typeof body === 'object' &&
    body !== null &&
    'window' in body &&
    'claimed' in body &&
    'asOf' in body &&
    'next' in body
  )
}
