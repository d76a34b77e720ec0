import type { ClaimPulse, ClaimView } from '~/domain/claim/view-types'
import type { DelayReason } from '~/domain/keys/mint-policy'
import { Callout } from '../base/callout'
import { delayMessages } from './delay-messages'
import { Reference } from './organizer-line'
import { StepList } from './step-list'
import { Time, useServerNow } from '../base/time'
import { spanText, waitText } from '../base/time-text'

/**
 * The wait, with the numbers of the last poll. `stale` when the polls fail: then the numbers are
 * marked as old.
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
              {stale ? 'Estimated wait, last known' : 'Estimated wait'}
            </dt>
            <dd className="font-head text-head font-bold">
              {waiting.delay
                ? needsPerson(waiting.delay.reason)
                  ? 'Unknown'
                  : 'Unknown while we retry'
                : eta
                  ? waitText(eta)
                  : 'Not known yet'}
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
        <Callout tone="warning" title="Key creation is down for a moment">
          <p>
            The process that makes keys has not reported for 30 seconds. You keep your place, and we
            continue as soon as it is back.
          </p>
          <p>
            If this lasts, give the organiser the reference <Reference code={claim.reference} />.
          </p>
        </Callout>
      ) : null}
      <p className="text-soft">
        You can close this page. Your key will be waiting here, on any device you sign in from.
      </p>
    </div>
  )
}

/** A person has to act first: no retry of ours ends this delay. */
const needsPerson = (reason: DelayReason) => reason === 'paused' || reason === 'switched-off'

function Delayed({
  delay,
  asOf,
  retryInSeconds,
}: {
  delay: NonNullable<NonNullable<ClaimView['waiting']>['delay']>
  asOf: string
  retryInSeconds: number
}) {
  const message = delayMessages[delay.reason]
  return (
    <Callout tone="warning" title={message.title}>
      {delay.detail ? <p>“{delay.detail}”</p> : null}
      <p>{message.meaning}</p>
      {delay.since ? (
        <p className="text-small text-soft">
          Paused since <Time iso={delay.since} now={asOf} />.
        </p>
      ) : null}
      {needsPerson(delay.reason) ? null : (
        <p className="text-small text-soft">
          {retryInSeconds > 0 ? `Next try in ${spanText(retryInSeconds)}` : 'Next try in a moment'}
        </p>
      )}
    </Callout>
  )
}

function Waited({ since, asOf }: { since: string; asOf: string }) {
  const now = useServerNow(asOf)
  return <>{spanText((Date.parse(now) - Date.parse(since)) / 1000)}</>
}
