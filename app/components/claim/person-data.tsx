import type { ErasureBlock } from '~/domain/people/erase.server'
import type { PersonView } from '~/domain/people/person.server'
import { Button, ButtonLink } from '../base/button'
import { Callout } from '../base/callout'
import { Field } from '../base/field'
import { blockWords } from './person-words'
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
  if (!optIn)
    return (
      <p>
        Nobody may write to you about workshops. You are asked when you claim a key, and never
        otherwise.
      </p>
    )
  return (
    <form method="post" action="/me" className="space-y-3">
      <p>
        You agreed <Time iso={optIn.since} now={asOf} />
        {optIn.workshopSlug ? (
          <>, when you claimed a key of {titles[optIn.workshopSlug] ?? optIn.workshopSlug}</>
        ) : null}
        , to be told of the next workshop.
      </p>
      <Button type="submit" name="intent" value="withdraw">
        Withdraw this
      </Button>
    </form>
  )
}

export function PersonDownload() {
  return (
    <div className="space-y-3">
      <p>
        One JSON file with all that we hold about you: your sign-ins, claims, what your keys have
        used, sessions, and what the audit trail says you did or had done to you. The keys
        themselves are not in it; those are on the pages of your claims.
      </p>
      <ButtonLink to="/me/export.json">Download it</ButtonLink>
    </div>
  )
}

/** Offers erasure once nothing is live; until then it says what is, and what ends it. */
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
        Your name, email, picture, sign-ins and sessions are deleted, and cannot be brought back.
        What your keys have used stays in the sums of their workshops, without you. The audit trail
        keeps the number of your account and what was done, but neither name nor email.
      </p>
      {blocks.length > 0 ? (
        <Callout tone="warning" title="Not yet: something of yours is still live.">
          <ul className="list-disc space-y-1 pl-5">
            {blocks.map((block) =>
              'teamSlug' in block ? (
                <li key={block.teamSlug}>
                  <a className="prose-link" href={teamUrl(block.teamSlug, 'dashboard')}>
                    {block.teamName}
                  </a>
                  : {blockWords[block.kind]}
                </li>
              ) : (
                <li key={block.claimId}>
                  <a className="prose-link" href={claimUrls[block.workshopSlug]}>
                    {titles[block.workshopSlug] ?? block.workshopSlug}
                  </a>
                  : {blockWords[block.kind]}
                </li>
              ),
            )}
          </ul>
        </Callout>
      ) : (
        <form method="post" action="/me" className="space-y-4">
          <p>
            You have nothing live. As long as a workshop in which you had a key is open, we keep a
            fingerprint by which nobody can read who you were, only that you had one.
          </p>
          <div className="max-w-80">
            <Field label="Type “erase” to confirm" name="confirm" required />
          </div>
          <Button type="submit" name="intent" value="erase" kind="ink">
            Erase everything about me
          </Button>
        </form>
      )}
    </div>
  )
}
