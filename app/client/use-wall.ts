/** Keeps a wall true while it stands on a screen: holds the last answer, and nothing of those before. */
import { useEffect, useState } from 'react'
import type { WallView } from '~/domain/operations/wall'
import { watchPage } from './watch-page'

export type WatchedWall = { wall: WallView; failures: number; lastGood: number }

export function useWall(loaded: WallView, statusUrl: string): WatchedWall {
  const [state, setState] = useState<WatchedWall>({ wall: loaded, failures: 0, lastGood: 0 })
  const firstDelayMs = loaded.next
  useEffect(() => {
    setState((before) => ({ ...before, lastGood: performance.now() }))
    return watchPage<WallView>({
      url: statusUrl,
      firstDelayMs,
      isOurs: isWall,
      onWatch: ({ pulse, failures }) =>
        setState((before) =>
          failures === 0 && pulse
            ? { wall: pulse, failures, lastGood: performance.now() }
            : { ...before, failures },
        ),
    })
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
