import type { MasterKeyView } from '~/domain/vault/vault.server'
import { parkedMessage } from '~/messages/parked'
import { Callout } from '../base/callout'
import { Time } from '../base/time'
import { delayMessage } from './sub-key-messages'

type Account = Pick<MasterKeyView, 'title' | 'label' | 'failure' | 'unread' | 'parked'>

/** What stands in the way at one provider account, and since when. A parked one says only that. */
export function AccountFailures({ account, asOf }: { account: Account; asOf: string }) {
  const { failure, unread, parked } = account
  if (parked) {
    const { title, sentence, remedy } = parkedMessage(parked.reason)
    return (
      <Callout tone="error" title={title}>
        <p>
          Since <Time iso={parked.since} now={asOf} />. {sentence} {remedy}
        </p>
      </Callout>
    )
  }
  return (
    <>
      {failure ? (
        <Callout tone="warning" title="No key can be made with it right now">
          <p>
            Since <Time iso={failure.since} now={asOf} />. {delayMessage(failure.reason)}
          </p>
        </Callout>
      ) : null}
      {unread ? (
        <Callout tone="warning" title="Its keys cannot be read right now">
          <p>
            Since <Time iso={unread.since} now={asOf} />. {unread.message} The spending shown is
            that of the last reading, and what ended keys have left stays set aside. Retrying
            automatically.
          </p>
        </Callout>
      ) : null}
    </>
  )
}

/** The same for each account of a team that has any; nothing where all work. */
export function TeamAccountFailures({ accounts, asOf }: { accounts: Account[]; asOf: string }) {
  return accounts
    .filter(({ failure, unread, parked }) => failure ?? unread ?? parked)
    .map((account) => (
      <section
        key={`${account.title} ${account.label}`}
        className="mt-6 max-w-read space-y-3"
        aria-label={`${account.title} ${account.label}`}
      >
        <p className="font-semibold">
          {account.title} <span className="font-mono font-normal">{account.label}</span>
        </p>
        <AccountFailures account={account} asOf={asOf} />
      </section>
    ))
}
