/** What few claim pages say: a seat that others wait for, the key before this one, and the next key. */
import type { ClaimView } from '~/domain/claim/view-types'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { Countdown, Time } from '../base/time'
import { notTakenMessage } from './claim-messages'
import type { ClaimPageData } from './claim-page-data'

/** Nobody has used this key yet, and others wait. */
export function Unused({ page, at, asOf }: { page: ClaimPageData; at: string; asOf: string }) {
  return (
    <Callout tone="warning" title="Do you still need this key?">
      <p>
        Nobody has looked at it yet, and others wait for a seat. If you do nothing, it ends{' '}
        <strong>
          <Countdown iso={at} asOf={asOf} passed="soon" />
        </strong>{' '}
        and the seat goes to the next in line.
      </p>
      <form method="post" action={page.urls.keep} className="mt-3">
        <Button type="submit" kind="ink">
          Keep it
        </Button>
      </form>
    </Callout>
  )
}

export function FormerKey({
  former,
  asOf,
  ready,
}: {
  former: NonNullable<ClaimView['formerKey']>
  asOf: string
  ready: boolean
}) {
  return (
    <div>
      <Callout tone="warning" title={ready ? 'This is your new key' : 'We are making your new key'}>
        <p>
          Your old key <code className="font-mono text-small break-all">{former.label}</code> still
          works, for up to {former.left.text},{' '}
          {former.until ? (
            <>
              until <Time iso={former.until} now={asOf} />
            </>
          ) : (
            'until half an hour after the new one is ready'
          )}
          .{ready ? ' Switch your tools to the new one before then.' : ''}
        </p>
      </Callout>
    </div>
  )
}

/**
 * The next key, where a giveaway's rules or staff allow one. Outside the window, or while no keys
 * are available, the workshop page says why.
 */
export function ClaimAgain({
  when,
  page,
  asOf,
}: {
  when: NonNullable<ClaimView['claimAgain']>
  page: ClaimPageData
  asOf: string
}) {
  const { workshop, refused, urls } = page
  if (!when.now) {
    return (
      <Callout tone="plain" title="You can claim another key later">
        <p>
          From <Time iso={when.from} now={asOf} />,{' '}
          <Countdown iso={when.from} asOf={asOf} passed="that is now: reload this page" />.
        </p>
      </Callout>
    )
  }
  const shut =
    workshop === null ||
    workshop.window !== 'open' ||
    workshop.paused !== null ||
    (workshop.kind === 'giveaway' && workshop.seats.left === 0)
  if (shut)
    return (
      <Callout tone="warning" title="No other key right now">
        <p>
          You can have another one, but none are available at the moment.{' '}
          <a className="prose-link" href={urls.workshop}>
            The {workshop?.kind ?? 'workshop'} page
          </a>{' '}
          says why.
        </p>
      </Callout>
    )
  const message = refused && notTakenMessage(refused, workshop)
  return (
    <div className="space-y-4">
      {message ? (
        <Callout tone={message.tone} title={message.title}>
          <p>
            {message.meaning}{' '}
            {page.moreFrom ? (
              <>
                Claim again from <Time iso={page.moreFrom} now={asOf} />.
              </>
            ) : (
              message.next
            )}
          </p>
        </Callout>
      ) : null}
      <form method="post" action={urls.claim}>
        <button type="submit" className="button" data-kind="key" data-size="large">
          Claim another key
        </button>
      </form>
    </div>
  )
}
