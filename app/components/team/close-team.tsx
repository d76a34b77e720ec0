import { Form, Link } from '@remix-run/react'
import type { ClosingView } from '~/domain/team/close.server'
import { teamUrl } from '../../urls'
import { Button } from '../base/button'
import { Field } from '../base/field'
import { Time } from '../base/time'
import { closeProblems } from './team-messages'

const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`

/** What closing ends, and the typed confirmation. */
export function CloseForm({
  slug,
  closing,
  answer,
}: {
  slug: string
  closing: ClosingView
  answer: { problem: keyof typeof closeProblems; reason: string } | null
}) {
  const errorOf = (problem: keyof typeof closeProblems) =>
    answer?.problem === problem ? { error: closeProblems[problem] } : {}
  return (
    <div className="max-w-read space-y-6">
      <ul className="list-disc space-y-1 pl-5">
        <li>
          {closing.liveKeys === 0
            ? 'No key is live.'
            : `${counted(closing.liveKeys, 'live key ends', 'live keys end')} at once, for everybody in the team.`}
        </li>
        <li>
          {closing.invitations === 0
            ? 'No invitation is pending. Nobody can join any more.'
            : `${counted(closing.invitations, 'pending invitation ends', 'pending invitations end')}, ` +
              'and nobody can join any more.'}
        </li>
        <li>
          {closing.credentials === 0
            ? 'The vault is empty.'
            : `${counted(closing.credentials, 'credential is', 'credentials are')} destroyed as soon as all ` +
              'keys are off at the provider and their final usage is known.'}
        </li>
        <li>
          The books and the audit trail stay. Owners can read them here for as long as they are in
          the team.
        </li>
      </ul>
      <p className="font-semibold">A closed team cannot be opened again.</p>
      <Form method="post" className="max-w-[28rem] space-y-4">
        <Field
          label="Reason"
          name="reason"
          required
          hint="Recorded in the audit trail."
          defaultValue={answer?.reason ?? ''}
          {...errorOf('no-reason')}
        />
        <Field
          label={`Type “${slug}” to confirm`}
          name="confirm"
          required
          {...errorOf('not-confirmed')}
        />
        <Button type="submit" kind="ink">
          Close the team for good
        </Button>
      </Form>
    </div>
  )
}

/** What is still to be done in a team that was closed. */
export function ClosingState({
  closing,
  closedAt,
  asOf,
}: {
  closing: ClosingView
  closedAt: string
  asOf: string
}) {
  return (
    <div className="max-w-read space-y-4">
      <p>
        Closed <Time iso={closedAt} now={asOf} />. You can leave the team, or delete your account,
        whenever you like.
      </p>
      <ul className="list-disc space-y-1 pl-5">
        <li>{keysSentence(closing)}</li>
        <li>{credentialsSentence(closing)}</li>
      </ul>
    </div>
  )
}

function keysSentence({ liveKeys, notOff, notSettled }: ClosingView): string {
  if (liveKeys + notOff > 0)
    return (
      `${counted(liveKeys + notOff, 'key is', 'keys are')} not off at the provider yet. ` +
      'Retrying automatically. If a credential no longer works, replace it in the vault.'
    )
  return notSettled > 0
    ? `All keys are off. The final usage of ${counted(notSettled, 'key', 'keys')} takes a few minutes.`
    : 'All keys are off, and their final usage is in the books.'
}

const credentialsSentence = ({ credentials, destroyed }: ClosingView): string =>
  credentials > 0
    ? `${counted(credentials, 'credential is', 'credentials are')} kept until then, to disable keys and read them.`
    : destroyed > 0
      ? `${counted(destroyed, 'credential was', 'credentials were')} destroyed.`
      : 'The vault held no credential.'

/** On the members page: the way to the page that closes the team. */
export function CloseLink({ slug, closed }: { slug: string; closed: boolean }) {
  return (
    <p className="max-w-read">
      {closed ? 'This team is closed. ' : 'Closing ends all keys and cannot be taken back. '}
      <Link className="prose-link" to={teamUrl(slug, 'close')}>
        {closed ? 'See what is left to do' : 'Close the team'}
      </Link>
    </p>
  )
}
