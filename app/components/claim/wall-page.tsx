/** A workshop on a screen that everybody sees. Sizes are in styles/wall.css. */
import { useEffect, useState, type ReactNode } from 'react'
import { useWall, type WatchedWall } from '~/client/use-wall'
import type { WallSpending, WallView } from '~/domain/operations/wall'
import { windowAt } from '~/domain/workshop/pulse'
import { ownAnnouncements } from '~/messages/announcements'
import { wallStatusUrl, workshopUrl } from '~/urls'
import { Countdown, EventZoneProvider, useServerNow, useZone } from '../base/time'
import { clockText, spanText } from '../base/time-text'

export type WallPageData = {
  wall: WallView
  /** The address without https://, as one types it. */
  address: string
  code: { size: number; path: string }
}

export function WallPage({ page }: { page: WallPageData }) {
  return (
    <EventZoneProvider value={page.wall.timezone}>
      <Wall page={page} />
    </EventZoneProvider>
  )
}

function Wall({ page: { wall: loaded, address, code } }: { page: WallPageData }) {
  const watched = useWall(loaded, wallStatusUrl(loaded.slug))
  const { wall } = watched
  const now = useServerNow(wall.asOf)
  const window = windowAt(wall, now)
  return (
    <main id="main" tabIndex={-1} className="wall">
      <h1 className="wall-title">{wall.title}</h1>
      <div className="wall-main">
        <svg
          className="wall-code"
          viewBox={`0 0 ${code.size} ${code.size}`}
          shapeRendering="crispEdges"
          role="img"
          aria-label={`QR code of ${address}`}
        >
          <path d={code.path} />
        </svg>
        <div className="wall-facts">
          <When wall={wall} window={window} />
          <dl className="wall-numbers">
            <Amount name="Keys left">
              {wall.left === null ? 'no limit' : wall.left.toLocaleString('en-US')}
            </Amount>
            <Amount name="Keys claimed">{wall.claimed.toLocaleString('en-US')}</Amount>
            <Amount name="Median wait">
              {wall.medianWaitSeconds === null ? '–' : waitLabel(wall.medianWaitSeconds)}
            </Amount>
          </dl>
          {wall.spending ? <Spending spending={wall.spending} /> : null}
        </div>
      </div>
      <p className="wall-address">
        <a href={workshopUrl(wall.slug)}>{address}</a>
      </p>
      <div>
        <div aria-live="polite">
          <Line announcement={wall.announcement} />
        </div>
        <LiveState watched={watched} />
      </div>
    </main>
  )
}

/** At least a second: less is measured too coarsely to be said. */
const waitLabel = (seconds: number) => spanText(Math.max(1, Math.round(seconds)))

function When({ wall, window }: { wall: WallView; window: WallView['window'] }) {
  const { opensAt, closesAt, asOf } = wall
  if (wall.endedAt) return <p className="wall-when">This workshop has ended</p>
  if (window === 'closed') return <p className="wall-when">Claims have closed</p>
  if (window === 'upcoming')
    return (
      <p className="wall-when">
        Claims open{' '}
        {opensAt ? <Countdown iso={opensAt} asOf={asOf} passed="now" /> : 'when the organiser says'}
      </p>
    )
  if (wall.paused) return <p className="wall-when">No new keys at the moment</p>
  if (wall.left === 0) return <p className="wall-when">All keys are taken</p>
  return (
    <p className="wall-when">
      {closesAt ? (
        <>
          Claims close <Countdown iso={closesAt} asOf={asOf} passed="now" />
        </>
      ) : (
        'Claims are open'
      )}
    </p>
  )
}

function Amount({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="flex flex-col-reverse justify-end">
      <dt className="text-soft">{name}</dt>
      <dd className="wall-number">{children}</dd>
    </div>
  )
}

function Spending({ spending: { percent, lastsUntil, spent, pool } }: { spending: WallSpending }) {
  const zone = useZone()
  const sentence = [
    percent === null
      ? (spent && `${spent.text} spent.`) || ''
      : spent && pool
        ? `${percent} % of the pool is spent: ${spent.text} of ${pool.text}.`
        : `${percent} % of the pool is spent.`,
    lastsUntil ? `At this pace it lasts until ${clockText(lastsUntil, zone)}.` : '',
  ]
    .filter(Boolean)
    .join(' ')
  if (sentence === '') return null
  return (
    <div>
      <p>{sentence}</p>
      {percent === null ? null : (
        <svg className="wall-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="1" className="fill-rule" />
          <rect width={Math.min(100, percent)} height="1" className="fill-mint-ink" />
        </svg>
      )}
    </div>
  )
}

function Line({ announcement }: { announcement: WallView['announcement'] }) {
  if (announcement === null) return null
  const { cause, line } = announcement
  if (cause === null)
    return (
      <p className="wall-line">
        <bdi>{line}</bdi>
      </p>
    )
  return (
    <p className="wall-line" data-own="">
      {ownAnnouncements[cause].title}. {ownAnnouncements[cause].sentence}
    </p>
  )
}

/** Moves nothing: the line is always there. */
function LiveState({ watched: { failures, lastGood } }: { watched: WatchedWall }) {
  const [now, setNow] = useState(lastGood)
  const stale = failures >= 2
  useEffect(() => {
    if (!stale) return
    const tick = () => setNow(performance.now())
    tick()
    const timer = setInterval(tick, 1_000)
    return () => clearInterval(timer)
  }, [stale])
  return (
    <>
      <p className={stale ? 'wall-state font-semibold text-amber-ink' : 'wall-state text-soft'}>
        {stale
          ? `Not live: this was true ${spanText((now - lastGood) / 1000)} ago. Retrying automatically.`
          : 'Live'}
      </p>
      <noscript>
        <p>Without JavaScript, reload this page.</p>
      </noscript>
    </>
  )
}
