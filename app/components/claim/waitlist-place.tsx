/** One's place in line, which the page keeps true by itself, and the way out of it. */
import { useEffect, useState } from 'react'
import { watchPage } from '~/client/watch-page'
import type { OwnPlace } from '~/domain/claim/waitlist.server'
import { claimUrl, waitlistStatusUrl, waitlistUrl } from '~/urls'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { skippedMessage } from './waitlist-messages'
import { ordinal } from './ordinal'

export type ShownPlace = Exclude<OwnPlace, { state: 'let-in' }>

export function WaitlistPlace({
  slug,
  place,
  paused,
  hasClaim,
}: {
  slug: string
  place: ShownPlace
  /** No keys are made for now. */
  paused: boolean
  /** They have a claim, so that what became of an older place is of no interest. */
  hasClaim: boolean
}) {
  if (place.state === 'waiting')
    return <Waiting slug={slug} loaded={place.position} paused={paused} />
  if (hasClaim) return null
  if (place.state === 'removed')
    return (
      <Callout tone="warning" title="You are no longer in line">
        <p>The organiser has removed you from the waitlist. Ask them if this is a mistake.</p>
      </Callout>
    )
  return (
    <Callout tone="warning" title="You lost your place in line">
      <p>{skippedMessage(place.reason)}</p>
    </Callout>
  )
}

type Answer = { state: string; position: number | null; next: number | null }

const isAnswer = (body: unknown): body is Answer =>
  typeof body === 'object' && body !== null && 'state' in body && 'position' in body

function Waiting({ slug, loaded, paused }: { slug: string; loaded: number; paused: boolean }) {
  const [position, setPosition] = useState(loaded)
  useEffect(() => setPosition(loaded), [loaded])
  useEffect(() => {
    return watchPage<Answer>({
      url: waitlistStatusUrl(slug),
      firstDelayMs: 4_000 + 2_000 * Math.random(),
      isOurs: isAnswer,
      onWatch: ({ pulse }) => {
        if (!pulse) return
        if (pulse.state === 'let-in') location.assign(claimUrl(slug))
        else if (pulse.state !== 'waiting') location.reload()
        else if (pulse.position !== null) setPosition(pulse.position)
      },
    })
  }, [slug])
  return (
    <div className="space-y-4">
      <Callout tone="plain" title={`You are ${ordinal(position)} in line`}>
        <p>
          {paused
            ? 'No keys are made at the moment, and you keep your place. '
            : 'When a seat becomes free and you are the next, your key is made at once. '}
          This page then shows it by itself, and you can close it in the meantime.
        </p>
        <noscript>
          <p>Without JavaScript, reload this page to see how far you are.</p>
        </noscript>
      </Callout>
      <p role="status" className="sr-only">
        {position === loaded ? '' : `You are ${ordinal(position)} in line.`}
      </p>
      <form method="post" action={waitlistUrl(slug)}>
        <Button type="submit">Leave the line</Button>
      </form>
    </div>
  )
}
