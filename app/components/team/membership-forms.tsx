import { Form } from '@remix-run/react'
import type { ReactNode } from 'react'
import type { MemberView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Field } from '../base/field'

/** What an owner can change about a member, each with a reason. */
export function MembershipForms({ member }: { member: MemberView }) {
  const isOwner = member.role === 'owner'
  const keys = `Their keys (${member.liveKeys}) end at once`
  return (
    <div className="max-w-[34rem] space-y-2">
      <MembershipForm
        summary={isOwner ? 'Make them a member' : 'Make them an owner'}
        text={
          isOwner
            ? 'They keep their keys and budget. They no longer see the vault, the audit trail and the ' +
              'keys of others.'
            : 'They can set budgets, invite and remove people, and add credentials to the vault.'
        }
        intent="role"
        button={isOwner ? 'Make a member' : 'Make an owner'}
      >
        <input type="hidden" name="role" value={isOwner ? 'member' : 'owner'} />
      </MembershipForm>
      {member.state === 'suspended' ? (
        <MembershipForm
          key="resume"
          summary="Reactivate them"
          text="They can make keys again, within their budget. Keys that ended stay ended."
          intent="resume"
          button="Reactivate"
        />
      ) : (
        <MembershipForm
          key="suspend"
          summary="Suspend them"
          text={
            `${keys}, and they cannot make new ones until you reactivate them. ` +
            'What is unspent returns to their budget.'
          }
          intent="suspend"
          button="Suspend"
        />
      )}
      <MembershipForm
        summary="Remove them from the team"
        text={`${keys}. What is free, and what their keys have not spent, goes back to the team.`}
        intent="remove"
        button={`Remove ${member.name}`}
      />
    </div>
  )
}

function MembershipForm({
  summary,
  text,
  intent,
  button,
  children,
}: {
  summary: string
  text: string
  intent: string
  button: string
  children?: ReactNode
}) {
  return (
    <details>
      <summary className="inline-flex min-h-11 items-center prose-link">{summary}</summary>
      <Form method="post" className="mt-2 space-y-4 pb-4">
        <p>{text}</p>
        {children}
        <Field label="Reason" name="reason" required hint="Recorded in the audit trail." />
        <Button type="submit" name="intent" value={intent}>
          {button}
        </Button>
      </Form>
    </details>
  )
}
