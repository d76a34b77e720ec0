/** What one can do on the page of a workshop now, kept true by polls and by the clock. */
import { useEffect, useRef, useState } from 'react'
import type { WatchedWorkshop } from '~/client/use-workshop-pulse'
import type { RefusedReason } from '~/domain/claim/claim.server'
import type { PausedView, WorkshopView } from '~/domain/workshop/view-types'
import { workshopUrl } from '~/urls'
import { Callout } from '../base/callout'
import { ProviderButtons } from '../base/provider-buttons'
import { Countdown, Time } from '../base/time'
import { spanText } from '../base/time-text'
import { AccountHelp, isMendable, type Account } from './account-help'
import { AskOrganizer, type AskState } from './ask-organizer'
import { ClaimForm } from './claim-form'
import { notTakenMessage } from './claim-messages'
import { pausedMessage, SeatsBar } from './workshop-facts'

/** What is known to stand in the way of a claim by this account. */
export type KnownObstacle = {
  reason: RefusedReason
  until: string | null
  /** How the other claim with this email was signed in, where that is the obstacle. */
  claimedWith: Account['provider'] | null
}

/** Of a workshop whose file says who may come in; null of any other. */
export type KnownAccess = {
  /** The organizers can lift what stands in the way. */
  mayAsk: boolean
  needsCode: boolean
  request: AskState
} | null

export function WorkshopEntry({
  workshop,
  account,
  obstacle,
  access,
  codeRefused,
  live,
}: {
  /** With the newest answer of the poll in it. */
  workshop: WorkshopView
  account: Account | null
  obstacle: KnownObstacle | null
  access: KnownAccess
  /** Why the code of the last try was refused. */
  codeRefused: RefusedReason | null
  live: Pick<WatchedWorkshop, 'failures' | 'lastGood'>
}) {
  const sentence = entrySentence(workshop)
  const first = useRef(sentence)
  return (
    <div className="space-y-6">
      <p role="status" className="sr-only">
        {sentence === first.current ? '' : sentence}
      </p>
      <Entrance
        workshop={workshop}
        account={account}
        obstacle={obstacle}
        access={access}
        codeRefused={codeRefused}
      />
      {workshop.window === 'open' && !workshop.paused && hasFreeSeat(workshop) ? (
        <SeatsBar workshop={workshop} />
      ) : null}
      <Stale {...live} />
    </div>
  )
}

/** Announced when it changes while one looks. */
function entrySentence(workshop: WorkshopView): string {
  if (workshop.window !== 'open') return workshop.window === 'closed' ? 'Claims have closed.' : ''
  if (workshop.paused) return 'No new keys at the moment.'
  return hasFreeSeat(workshop) ? 'Claims are open.' : 'All keys are taken.'
}

/** A seat that nobody in line waits for. */
const hasFreeSeat = ({ seats, waitlist }: WorkshopView) =>
  seats.left > 0 && (waitlist?.waiting ?? 0) === 0

function Entrance({
  workshop,
  account,
  obstacle,
  access,
  codeRefused,
}: {
  workshop: WorkshopView
  account: Account | null
  obstacle: KnownObstacle | null
  access: KnownAccess
  codeRefused: RefusedReason | null
}) {
  const page = workshopUrl(workshop.slug)
  if (workshop.endedAt)
    return (
      <Callout tone="plain" title="This workshop has ended">
        <p>The organiser has ended it and disabled all its keys.</p>
      </Callout>
    )
  if (workshop.window === 'closed')
    return (
      <Callout tone="plain" title="Claims have closed">
        <p>Keys claimed in time work until they expire.</p>
      </Callout>
    )
  const known =
    account && obstacle ? (
      <KnownRefusal
        workshop={workshop}
        account={account}
        obstacle={obstacle}
        access={access}
        returnTo={page}
      />
    ) : null
  if (workshop.window === 'upcoming')
    return (
      <>
        <Callout tone="warning" title="Claims are not open yet">
          <p>
            {workshop.opensAt ? (
              <>
                They open{' '}
                <strong>
                  <Countdown iso={workshop.opensAt} asOf={workshop.asOf} passed="now" />
                </strong>
                . The button appears here by itself.
              </>
            ) : (
              'The organiser will open them.'
            )}{' '}
            {account && !known ? 'You are signed in, so you only need one click.' : null}
            {account ? null : 'You can already sign in.'}
          </p>
          <noscript>
            <p>Without JavaScript, reload this page then.</p>
          </noscript>
        </Callout>
        {account ? known : <ProviderButtons providers={workshop.providers} returnTo={page} />}
      </>
    )
  // A switch that is off comes before a workshop that is full: it may be the reason why no seat
  // becomes free.
  if (workshop.paused) return <Paused paused={workshop.paused} asOf={workshop.asOf} />
  const offersPlace = workshop.waitlist !== null && !hasFreeSeat(workshop)
  if (workshop.seats.left === 0 && !offersPlace)
    return (
      <Callout tone="plain" title="All keys are taken">
        <p>
          {workshop.kind === 'giveaway'
            ? 'When a key expires, somebody else can claim one. Come back in a few days.'
            : 'When somebody gives a key back, you can claim one: this page shows it by itself. ' +
              'Ask the organiser, who can also add keys.'}
        </p>
      </Callout>
    )
  const full = offersPlace ? <FullWithLine waiting={workshop.waitlist?.waiting ?? 0} /> : null
  if (!account)
    return (
      <div className="space-y-4">
        {full}
        <ProviderButtons providers={workshop.providers} returnTo={page} />
        <p className="text-small text-soft">
          {full
            ? 'Sign in, then join the waitlist with one click.'
            : 'Sign in, then claim with one click.'}{' '}
          No new password, no credit card.
        </p>
      </div>
    )
  if (known) return known
  const asked = access?.request?.state === 'open'
  return (
    <div className="space-y-6">
      {full}
      <ClaimForm
        workshop={workshop}
        joins={full !== null}
        withCode={access?.needsCode ?? false}
        refused={codeRefused}
        asked={asked}
      />
      {access?.needsCode && access.request ? (
        <AskOrganizer slug={workshop.slug} request={access.request} />
      ) : null}
    </div>
  )
}

function FullWithLine({ waiting }: { waiting: number }) {
  return (
    <Callout tone="plain" title="All keys are taken">
      <p>
        {waiting === 0
          ? 'Nobody waits yet.'
          : waiting === 1
            ? 'One person waits.'
            : `${waiting.toLocaleString('en-US')} people wait.`}{' '}
        Join the waitlist: a seat that becomes free goes to the next in line, and the key is made
        for them at once.
      </p>
    </Callout>
  )
}

function KnownRefusal({
  workshop,
  account,
  obstacle,
  access,
  returnTo,
}: {
  workshop: WorkshopView
  account: Account
  obstacle: KnownObstacle
  access: KnownAccess
  returnTo: string
}) {
  const message = notTakenMessage(obstacle.reason, workshop)
  return (
    <div className="space-y-4">
      <Callout tone={message.tone} title={message.title}>
        <p>{message.meaning}</p>
        {isMendable(obstacle.reason) ? null : <p>{message.next}</p>}
      </Callout>
      {isMendable(obstacle.reason) ? (
        <AccountHelp
          reason={obstacle.reason}
          until={obstacle.until}
          claimedWith={obstacle.claimedWith}
          account={account}
          workshop={workshop}
          returnTo={returnTo}
        />
      ) : null}
      {access?.mayAsk ? <AskOrganizer slug={workshop.slug} request={access.request} /> : null}
    </div>
  )
}

function Paused({ paused, asOf }: { paused: PausedView; asOf: string }) {
  return (
    <Callout tone="warning" title="No new keys at the moment">
      <p>
        {pausedMessage(paused)}
        {paused.since ? (
          <>
            {' '}
            Since <Time iso={paused.since} now={asOf} />.
          </>
        ) : null}
      </p>
      <p>Existing keys keep working, and you can still open yours. This page updates by itself.</p>
      <noscript>
        <p>Without JavaScript, reload this page in a few minutes.</p>
      </noscript>
    </Callout>
  )
}

/** Says that what stands above may be old, and how old. Moves nothing: the line is always there. */
function Stale({ failures, lastGood }: Pick<WatchedWorkshop, 'failures' | 'lastGood'>) {
  const [now, setNow] = useState(lastGood)
  const stale = failures >= 2
  useEffect(() => {
    if (!stale) return
    const tick = () => setNow(performance.now())
    tick()
    const timer = setInterval(tick, 1000)
    return () => clearInterval(timer)
  }, [stale])
  return (
    <p className="min-h-5 text-small text-amber-ink">
      {stale
        ? `We cannot reach the server: this was true ${spanText((now - lastGood) / 1000)} ago. Retrying.`
        : ''}
    </p>
  )
}
