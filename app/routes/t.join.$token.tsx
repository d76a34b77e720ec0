import { data, redirect, type HeadersFunction, type MetaFunction } from '@remix-run/node'
import { Form, useActionData, useLoaderData } from '@remix-run/react'
import { Button, ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { PageShell } from '~/components/base/page-shell'
import { teamUrl } from '~/urls'
import { Time } from '~/components/base/time'
import { acceptInvitation, findInvitation } from '~/domain/team/invitations.server'
import { handler, notFound } from '~/web/handler.server'
import { requireViewer } from '~/web/session.server'

// The address is the invitation: it must not travel on in a Referer.
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
  const outcome = await acceptInvitation(args.ctx, args.params.token ?? '', viewer)
  if (outcome.kind !== 'refused')
    return redirect(teamUrl(outcome.slug, 'dashboard'), { status: 303, headers: secretHeaders })
  return data({ problem: outcome.reason }, { status: 409, headers: secretHeaders })
})

export const meta: MetaFunction = () => [
  { title: 'An invitation · Keymint' },
  { name: 'referrer', content: 'no-referrer' },
]

const snapshots = {
  used: {
    title: 'This invitation has been used.',
    words:
      'A link works once. If it was not you, tell an owner of the team; otherwise ask for a new one.',
  },
  revoked: {
    title: 'This invitation was taken back.',
    words: 'Ask an owner of the team for a new one.',
  },
  expired: {
    title: 'This invitation is over.',
    words: 'A link is good for seven days. Ask an owner of the team for a new one.',
  },
}

export default function Join() {
  const { invitation, person, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const { snapshot } = invitation
  if (invitation.alreadyMember) {
    return (
      <PageShell
        title={`You are in ${invitation.teamName} already.`}
        lead="Nothing was used up: the link still works for somebody else."
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
        title={snapshots[snapshot].title}
        lead={snapshots[snapshot].words}
        back={{ to: '/', label: 'Home' }}
      />
    )
  return (
    <PageShell
      title={`Join ${invitation.teamName}?`}
      lead={`${invitation.invitedBy} invites you as ${invitation.role === 'owner' ? 'an owner' : 'a member'}.`}
    >
      <div className="mt-6 space-y-6">
        {answer ? (
          <div role="status">
            <Callout
              tone="warning"
              title={
                answer.problem === 'banned' ? 'You may not join a team here.' : 'That did not work.'
              }
            >
              <p>
                {answer.problem === 'banned'
                  ? 'Ask the operator of this deployment why.'
                  : 'Somebody used the link, or took it back, a moment ago.'}
              </p>
            </Callout>
          </div>
        ) : null}
        <p>
          You join as {person}. The owners of the team see your name, your email, the keys you make
          and what they cost; they never see a key itself.
        </p>
        {invitation.role === 'owner' ? (
          <p>As an owner you set budgets, invite and remove people, and keep the master keys.</p>
        ) : null}
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
