import type { ErasureBlock } from '~/domain/people/erase.server'
import type { PersonView } from '~/domain/people/person.server'
import { Button, ButtonLink } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { blockMessages } from './person-messages'
import { teamUrl } from '../../urls'
import { Time } from '../base/time'

export function PersonOptIn({
  optIn,
  titles,
  asOf,
}: {
  optIn: PersonView['optIn']
  titles: Record<string, string>
  asOf: string
}) {
  if (!optIn) return <p>You get no emails about workshops. We only ask when you claim a key.</p>
  return (
    <form method="post" action="/me" className="space-y-3">
      <p>
        You agreed <Time short iso={optIn.since} now={asOf} />
        {optIn.workshopSlug ? (
          <>, when you claimed a key for {titles[optIn.workshopSlug] ?? optIn.workshopSlug}</>
        ) : null}
        , to get an email about the next workshop.
      </p>
      <Button type="submit" name="intent" value="withdraw">
        Unsubscribe
      </Button>
    </form>
  )
}

export function PersonDownload() {
  return (
    <div className="space-y-3">
      <p>
        One JSON file with everything we store about you: your sign-ins, sessions, claims, the usage
        of your keys, and your activity log. It does not include your keys; they are on the pages of
        your claims.
      </p>
      <ButtonLink to="/me/export.json">Download my data</ButtonLink>
    </div>
  )
}

/** Offers erasure once nothing is live; until then it lists what is, and what ends it. */
export function PersonErasure({
  blocks,
  titles,
  claimUrls,
}: {
  blocks: ErasureBlock[]
  titles: Record<string, string>
  claimUrls: Record<string, string>
}) {
  return (
    <div className="space-y-4">
      <p>
        We delete your name, email, picture, sign-ins and sessions for good. The usage of your keys
        stays in the totals of their workshops, without you. The audit trail keeps your account’s id
        and what happened, but neither your name nor your email.
      </p>
      {blocks.length > 0 ? (
        <Callout tone="warning" title="You cannot delete your account yet">
          <ul className="list-disc space-y-1 pl-5">
            {blocks.map((block) =>
              'teamSlug' in block ? (
                <li key={block.teamSlug}>
                  <a className="prose-link" href={teamUrl(block.teamSlug, 'dashboard')}>
                    {block.teamName}
                  </a>
                  : {blockMessages[block.kind]}
                </li>
              ) : (
                <li key={block.claimId}>
                  <a className="prose-link" href={claimUrls[block.workshopSlug]}>
                    {titles[block.workshopSlug] ?? block.workshopSlug}
                  </a>
                  : {blockMessages[block.kind]}
                </li>
              ),
            )}
          </ul>
        </Callout>
      ) : (
        <form method="post" action="/me" className="space-y-4">
          <p>
            While a workshop in which you had a key is open, we keep a fingerprint. It shows that
            you had a key there, but not who you are.
          </p>
          <div className="max-w-80">
            <Field label="Type “delete” to confirm" name="confirm" required />
          </div>
          <Button type="submit" name="intent" value="erase" kind="ink">
            Delete my account
          </Button>
        </form>
      )}
    </div>
  )
}
