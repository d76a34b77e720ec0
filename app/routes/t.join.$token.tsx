import { data, redirect, type HeadersFunction, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData } from '@remix-run/react'
import { Button, ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { PageShell } from '~/components/base/page-shell'
import { asRole, roleDuties } from '~/components/team/role-messages'
import { invitationStates, joinProblems } from '~/components/team/team-messages'
import { teamUrl } from '~/urls'
import { Time } from '~/components/base/time'
import { acceptInvitation, findInvitation } from '~/domain/team/invitations.server'
import { handler, notFound } from '~/web/handler.server'
import { requireViewer } from '~/web/session.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

// Whoever knows the address can join, so no Referer may carry it.
const secretHeaders = {
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'X-Robots-Tag': 'noindex',
}
export const headers: HeadersFunction = () => secretHeaders

export const loader = handler(async (args) => {
  const viewer = await requireViewer(args)
  const invitation = await findInvitation(args.ctx, args.params.token ?? '', viewer.userId)
  if (!invitation) throw notFound()
  return data(
    { invitation, person: viewer.displayName, asOf: args.ctx.now().toISOString() },
    { headers: secretHeaders },
  )
})

export const action = handler(async (args) => {
  const viewer = await requireViewer(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const outcome = await acceptInvitation(args.ctx, args.params.token ?? '', viewer)
  if (outcome.kind !== 'refused')
    return redirect(teamUrl(outcome.slug, 'dashboard'), { status: 303, headers: secretHeaders })
  return data({ problem: outcome.reason }, { status: 409, headers: secretHeaders })
})

export const meta: MetaFunction = () => [
  { title: 'An invitation · Keymint' },
  { name: 'referrer', content: 'no-referrer' },
]

export default function Join() {
  const { invitation, person, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const { snapshot } = invitation
  if (invitation.alreadyMember) {
    return (
      <PageShell
        title={`You are already in ${invitation.teamName}`}
        lead="The invitation was not used. Its link still works for somebody else."
      >
        <p className="mt-6">
          <ButtonLink kind="ink" to={teamUrl(invitation.slug, 'dashboard')}>
            Go to the team
          </ButtonLink>
        </p>
      </PageShell>
    )
  }
  if (snapshot !== 'open')
    return (
      <PageShell
        title={invitationStates[snapshot].title}
        lead={invitationStates[snapshot].next}
        back={{ to: '/', label: 'Home' }}
      />
    )
  if (invitation.forAnother)
    return (
      <PageShell
        title={joinProblems['other-address'].title}
        lead={joinProblems['other-address'].next}
        back={{ to: '/', label: 'Home' }}
      />
    )
  return (
    <PageShell
      title={`Join ${invitation.teamName}?`}
      lead={`${invitation.invitedBy} invites you as ${asRole[invitation.role]}.`}
    >
      <div className="mt-6 space-y-6">
        {answer ? (
          <div role="status">
            <Callout tone="warning" title={joinProblems[answer.problem].title}>
              <p>{joinProblems[answer.problem].next}</p>
            </Callout>
          </div>
        ) : null}
        <p>
          You join as {person}. The owners of the team see your name, your email, your keys and what
          they cost. They never see a key itself.
        </p>
        {invitation.budget ? (
          <p>You begin with a budget of {invitation.budget.text} a month.</p>
        ) : null}
        {roleDuties[invitation.role] ? <p>{roleDuties[invitation.role]}</p> : null}
        <Form method="post">
          <Button type="submit" kind="ink">
            Join the team
          </Button>
        </Form>
        <p className="text-small text-soft">
          The link works once, until <Time iso={invitation.expiresAt} now={asOf} />.
        </p>
      </div>
    </PageShell>
  )
}
