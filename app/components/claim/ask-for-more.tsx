/** Requesting a higher limit: the form, and what became of the last request. Needs no script. */
import type { KeyView, LimitRequestView } from '~/domain/claim/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { Time } from '../base/time'
import { resetLabels } from './workshop-facts'

/** What staff decided is said for so long. */
const decisionShownMs = 3_600_000

export function AskForMore({
  request,
  budget,
  url,
  asOf,
}: {
  request: LimitRequestView
  budget: KeyView
  url: string
  asOf: string
}) {
  const { last, suggested } = request
  const { left, limit, limitReset } = budget
  // The same share of the limit as the domain asks for.
  const low = left !== null && left.usd * 5 <= limit.usd
  const each = limitReset ? ` ${resetLabels[limitReset]}` : ''
  return (
    <div className="space-y-4">
      <div aria-live="polite">
        <LastRequest last={last} each={each} limit={limit.text} asOf={asOf} />
      </div>
      {low && last?.state !== 'open' ? (
        <section aria-labelledby="more" className="no-print space-y-4 border-t border-rule pt-4">
          <h2 id="more" className="text-head">
            Request more
          </h2>
          <form method="post" action={url} className="space-y-4">
            <Field
              label={`More${each}, in USD`}
              name="amount"
              required
              defaultValue={suggested.text.replace(/^\$/, '')}
            />
            <Field
              label="What for"
              name="why"
              required
              maxLength={300}
              hint="One sentence. The organiser reads it and decides."
            />
            <Button type="submit">Send the request</Button>
          </form>
        </section>
      ) : null}
    </div>
  )
}

function LastRequest({
  last,
  each,
  limit,
  asOf,
}: {
  last: LimitRequestView['last']
  each: string
  limit: string
  asOf: string
}) {
  if (last === null) return null
  if (last.state === 'open')
    return (
      <Callout tone="plain" title={`You requested ${last.more.text} more${each}`}>
        <p>
          Sent <Time iso={last.askedAt} now={asOf} />. The organiser decides, and this page says so
          by itself.
        </p>
        <noscript>
          <p>Without JavaScript, reload this page in a few minutes.</p>
        </noscript>
      </Callout>
    )
  const decidedAt = last.decidedAt === null ? 0 : Date.parse(last.decidedAt)
  if (Date.parse(asOf) - decidedAt > decisionShownMs) return null
  // Its key is replaced or extended: the request was about the one before.
  if (last.state === 'ended')
    return (
      <Callout tone="plain" title="Your request has ended">
        <p>
          You requested {last.more.text} more{each} for the key before this one, and nobody had
          decided. Request it again if you still need it.
        </p>
      </Callout>
    )
  if (last.state === 'refused')
    return (
      <Callout tone="warning" title="Your request was refused">
        <p>
          The organiser did not approve {last.more.text} more{each}. Talk to them if you cannot
          continue without it.
        </p>
      </Callout>
    )
  const granted = last.granted?.text ?? ''
  return last.raised ? (
    <Callout tone="ok" title={`You have ${granted} more${each}`}>
      <p>
        The organiser approved your request. The limit of your key is now {limit}
        {each}.
      </p>
    </Callout>
  ) : (
    <Callout tone="warning" title="Your limit is as it was">
      <p>
        The organiser approved {granted} more, but the higher limit did not stay. Request it again,
        or talk to the organiser.
      </p>
    </Callout>
  )
}
