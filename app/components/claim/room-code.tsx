/**
 * The code that a workshop shows, readable from the last row, with the time until the next one. It
 * loads each code when the one before is over, and says when it could not.
 */
import { useEffect, useState } from 'react'
import { watchPage } from '~/client/watch-page'
import type { CodeView } from '~/domain/claim/workshop-code'
import { useServerNow } from '../base/time'

const isCode = (body: unknown): body is CodeView =>
  typeof body === 'object' &&
  body !== null &&
  'code' in body &&
  typeof body.code === 'string' &&
  'until' in body &&
  'asOf' in body &&
  'next' in body

export function RoomCode({
  loaded,
  statusUrl,
  size = 'wall',
}: {
  loaded: CodeView
  statusUrl: string
  /** `part` beside other things. */
  size?: 'wall' | 'part'
}) {
  const view = useCode(loaded, statusUrl)
  const now = Date.parse(useServerNow(view.asOf))
  const left = Math.ceil((Date.parse(view.until) - now) / 1_000)
  // The last two codes count: one that is shown for a minute too long is of no use.
  const over = left <= -60
  return (
    <div className="text-center">
      <p
        className={`font-mono leading-none font-bold tabular-nums ${
          size === 'wall' ? 'text-[clamp(3.5rem,20vw,16rem)]' : 'text-[clamp(2.5rem,8vw,6rem)]'
        }`}
      >
        {over ? (
          <span aria-label="No code at the moment">––– –––</span>
        ) : (
          <span aria-label={[...view.code].join(' ')}>
            {view.code.slice(0, 3)} {view.code.slice(3)}
          </span>
        )}
      </p>
      <p className="mt-4 min-h-8 text-lead text-soft">
        {over
          ? 'We cannot reach the server, so there is no code to show. Retrying.'
          : left > 0
            ? `New code in ${left} s`
            : 'Loading the next code. This one still works.'}
      </p>
      <noscript>
        <p>Without JavaScript, reload this page every minute.</p>
      </noscript>
    </div>
  )
}

function useCode(loaded: CodeView, statusUrl: string): CodeView {
  const [view, setView] = useState(loaded)
  useEffect(() => setView(loaded), [loaded])
  const firstDelayMs = loaded.next
  useEffect(() => {
    return watchPage<CodeView>({
      url: statusUrl,
      firstDelayMs,
      isOurs: isCode,
      // A code is loaded when it is due, and not up to a fifth earlier.
      random: () => 0.5,
      onWatch: ({ pulse, failures }) => {
        if (failures === 0 && pulse) setView(pulse)
      },
    })
  }, [statusUrl, firstDelayMs])
  return view
}
