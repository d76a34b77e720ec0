import type { ClaimPulse, ClaimView } from '~/domain/claim/view-types'
import { Callout } from '../base/callout'
import { delayWords } from './claim-words'
import { Reference } from './organizer-line'
import { StepList } from './step-list'
import { Time, useServerNow } from '../base/time'
import { spanWords, waitWords } from '../base/time-words'

/**
 * What a waiting person is told, with the numbers of the last poll. `stale` when the polls fail:
 * then nothing is said as if it were live.
 */
export function ClaimProgress({
  claim,
  pulse,
  stale,
}: {
  claim: ClaimView
  pulse: ClaimPulse | null
  stale: boolean
}) {
  const { waiting } = claim
  const ahead = pulse?.ahead ?? waiting?.peopleAhead ?? 0
  const eta = pulse
    ? pulse.eta && { from: pulse.eta[0], to: pulse.eta[1] }
    : (waiting?.etaSeconds ?? null)
  return (
    <div className="space-y-6">
      <StepList
        steps={claim.steps}
        note={
          <>
            for <Waited since={claim.claimedAt} asOf={claim.asOf} />
          </>
        }
      />
      {waiting ? (
        <dl className={`grid grid-cols-2 gap-6 ${stale ? 'opacity-60' : ''}`}>
          <div className="min-h-20">
            <dt className="text-small text-soft">
              {stale ? 'Ahead of you, last known' : 'Ahead of you'}
            </dt>
            <dd className="font-head text-head font-bold">
              {ahead === 0 ? 'Nobody' : ahead === 1 ? '1 person' : `${ahead} people`}
            </dd>
          </div>
          <div className="min-h-20">
            <dt className="text-small text-soft">
              {stale ? 'Time to expect, last known' : 'Time to expect'}
            </dt>
            <dd className="font-head text-head font-bold">
              {waiting.delay ? 'Not known now' : eta ? waitWords(eta) : 'Not known yet'}
            </dd>
          </div>
        </dl>
      ) : null}
      {waiting?.delay ? (
        <Delayed
          delay={waiting.delay}
          asOf={claim.asOf}
          retryInSeconds={pulse?.delay ?? waiting.delay.retryInSeconds}
        />
      ) : null}
      {waiting && !waiting.delay && !waiting.workerSeen ? (
        <Callout tone="warning" title="Nobody is at the press just now.">
          <p>
            Your claim is written down and keeps its place. The process that makes keys has not
            reported for half a minute; it goes on by itself as soon as it is back.
          </p>
          <p>
            If this lasts, tell the organiser the reference <Reference code={claim.reference} />.
          </p>
        </Callout>
      ) : null}
      <p className="text-soft">
        You can close this page: your key is made all the same, and this address shows it on any
        device where you sign in.
      </p>
    </div>
  )
}

function Delayed({
  delay,
  asOf,
  retryInSeconds,
}: {
  delay: NonNullable<NonNullable<ClaimView['waiting']>['delay']>
  asOf: string
  retryInSeconds: number
}) {
  const words = delayWords[delay.reason]
  const waitsForPerson = delay.reason === 'paused' || delay.reason === 'switched-off'
  return (
    <Callout tone="warning" title={words.title}>
      {delay.detail ? <p>“{delay.detail}”</p> : null}
      <p>{words.meaning}</p>
      {delay.since ? (
        <p className="text-small text-soft">
          Paused since <Time iso={delay.since} now={asOf} />.
        </p>
      ) : null}
      {waitsForPerson ? null : (
        <p className="text-small text-soft">
          Try {delay.attempt}
          {retryInSeconds > 0 ? `, in ${spanWords(retryInSeconds)}` : ', any moment now'}.
        </p>
      )}
    </Callout>
  )
}

function Waited({ since, asOf }: { since: string; asOf: string }) {
  const now = useServerNow(asOf)
  return <>{spanWords((Date.parse(now) - Date.parse(since)) / 1000)}</>
}
