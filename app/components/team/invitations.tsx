import { Form } from '@remix-run/react'
import type { InvitationRow } from '~/domain/team/open-invitations.server'
import type { MoneyView } from '~/domain/money-view'
import { Button } from '../base/button'
import { Callout } from '../base/callout'
import { CopyButton } from '../base/copy-button'
import { Checkbox, Field, Select } from '../base/field'
import { Ago, Time } from '../base/time'
import { anyAmount } from './amount-messages'
import { asRole, roleChoices } from './role-messages'

export type NewInvitation = {
  url: string
  mailed: 'sent' | 'failed' | 'not-asked'
  email: string | null
  bound: boolean
  expiresAt: string
}

/** The link of an invitation. It is shown once, because only its hash is stored. */
export function InvitationLink({ invitation, asOf }: { invitation: NewInvitation; asOf: string }) {
  return (
    <div role="status" className="mb-6 max-w-read">
      <Callout
        tone="ok"
        title={
          invitation.mailed === 'sent'
            ? `The invitation was sent to ${invitation.email}`
            : 'The invitation is ready'
        }
      >
        {invitation.mailed === 'failed' ? (
          <p>The email could not be sent. Send this link yourself.</p>
        ) : null}
        <p>
          {invitation.bound
            ? `Only a person who signs in with the verified address ${invitation.email} can join. `
            : 'The first person who opens this link and signs in joins the team. '}
          The link works until <Time iso={invitation.expiresAt} now={asOf} />. It is shown only now.
        </p>
        <div className="flex flex-wrap items-center gap-3">
          <code id="invitation-link" className="font-mono text-small break-all select-all">
            {invitation.url}
          </code>
          <CopyButton text={invitation.url} label="the link" targetId="invitation-link" />
        </div>
      </Callout>
    </div>
  )
}

/** `refusedEmail` is an address that was typed and is not one; `mails` whether mail can be sent. */
export function InvitationForm({
  token,
  mails,
  newcomers,
  refusedEmail,
  refusedBudget,
}: {
  /** Posted twice, it is one invitation. */
  token: string
  mails: boolean
  /** What who joins begins with where the invitation names no budget. */
  newcomers: MoneyView | null
  refusedEmail: string | null
  /** A budget that was typed and is none. */
  refusedBudget: string | null
}) {
  return (
    <Form method="post" className="max-w-[28rem] space-y-6">
      <input type="hidden" name="token" value={token} />
      <Select label="Role" name="role" defaultValue="member" options={roleChoices} />
      <Field
        label="Email (optional)"
        name="email"
        hint={
          mails
            ? 'The link is sent there. You can also copy it.'
            : 'Needed only for the choice below.'
        }
        {...(refusedEmail === null
          ? {}
          : { error: 'Enter a valid email address.', defaultValue: refusedEmail })}
      />
      <Checkbox name="bound">Only a person with this verified address can join</Checkbox>
      <Field
        label="Budget a month, in USD (optional)"
        name="budget"
        hint={
          newcomers
            ? 'They begin with it when they join. A viewer has none. ' +
              `Empty for ${newcomers.text}, the budget of newcomers.`
            : 'They begin with it when they join. A viewer has none. Empty for no budget.'
        }
        {...(refusedBudget === null ? {} : { error: anyAmount, defaultValue: refusedBudget })}
      />
      <Button type="submit" name="intent" value="invite" kind="ink">
        Make an invitation
      </Button>
    </Form>
  )
}

export function PendingInvitations({
  invitations,
  asOf,
}: {
  invitations: InvitationRow[]
  asOf: string
}) {
  if (invitations.length === 0) return null
  return (
    <>
      <h3 className="mt-8 mb-2 text-lead font-semibold">Pending invitations</h3>
      <ul className="max-w-read divide-y divide-rule border-y border-rule">
        {invitations.map((row) => (
          <li key={row.id} className="flex flex-wrap items-center justify-between gap-3 py-3">
            <span>
              For {asRole[row.role]}
              {row.email ? `, ${row.email}${row.bound ? ' alone' : ''}` : ''}
              {row.budget ? `, with ${row.budget.text} a month` : ''}, made by {row.createdBy}{' '}
              <Ago iso={row.createdAt} asOf={asOf} />
              <span className="block text-small text-soft">
                valid until <Time iso={row.expiresAt} now={asOf} />
              </span>
            </span>
            <Form method="post">
              <input type="hidden" name="id" value={row.id} />
              <Button type="submit" name="intent" value="revoke" kind="quiet">
                Revoke
              </Button>
            </Form>
          </li>
        ))}
      </ul>
    </>
  )
}
