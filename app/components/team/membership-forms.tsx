import { Form } from '@remix-run/react'
import type { ReactNode } from 'react'
import type { PersonRole } from '~/domain/money/roles'
import type { MemberView } from '~/domain/team/team-view.server'
import { Button } from '../base/button'
import { Field, Select } from '../base/field'
import { roleChoices } from './role-messages'

/** What an owner can change about a member, each with a reason. */
export function MembershipForms({ member }: { member: MemberView }) {
  if (member.role === 'service') return <ServiceForms member={member} />
  const keys = `Their keys (${member.liveKeys}) end at once`
  const asViewer =
    `If you make them a viewer, their keys (${member.liveKeys}) end at once, ` +
    'and what is free goes back to the team.'
  return (
    <div className="max-w-[34rem] space-y-2">
      <MembershipForm
        key={`role-${member.role}`}
        summary="Change their role"
        text={
          member.role === 'viewer'
            ? roleNow.viewer
            : `${roleNow[member.role as PersonRole]} ${asViewer}`
        }
        intent="role"
        button="Change the role"
      >
        <Select
          label="Role"
          name="role"
          options={roleChoices.filter(({ value }) => value !== member.role)}
        />
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
        text={
          `${keys}. What is free, and what their keys have not spent, goes back to the team. ` +
          (member.liveKeys > 0 ? 'To keep the keys, hand them over first, above.' : '')
        }
        intent="remove"
        button={`Remove ${member.name}`}
      />
    </div>
  )
}

/** The same for a service account, which has no role to change. */
function ServiceForms({ member }: { member: MemberView }) {
  const keys = `Its keys (${member.liveKeys}) end at once`
  return (
    <div className="max-w-[34rem] space-y-2">
      {member.state === 'suspended' ? (
        <MembershipForm
          key="resume"
          summary="Reactivate it"
          text="Owners can make keys for it again, within its budget. Keys that ended stay ended."
          intent="resume"
          button="Reactivate"
        />
      ) : (
        <MembershipForm
          key="suspend"
          summary="Suspend it"
          text={
            `${keys}, and nobody can make new ones for it until an owner reactivates it. ` +
            'What is unspent returns to its budget.'
          }
          intent="suspend"
          button="Suspend"
        />
      )}
      <MembershipForm
        summary="Close it for good"
        text={
          `${keys}. What is free, and what its keys have not spent, goes back to the team. ` +
          'What it spent stays in the books. ' +
          (member.liveKeys > 0 ? 'To keep the keys, hand them over first, above.' : '')
        }
        intent="remove"
        button={`Close ${member.name}`}
      />
    </div>
  )
}

const roleNow: Record<PersonRole, string> = {
  owner: 'They are an owner. Invitations that they made end with that role.',
  finance: 'They are in finance.',
  member: 'They are a member.',
  viewer: 'They are a viewer. In another role they start without a budget.',
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
