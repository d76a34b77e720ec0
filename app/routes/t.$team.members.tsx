import { data, redirect, type MetaFunction } from '@remix-run/node'
import { Form, Link, useActionData, useLoaderData } from '@remix-run/react'
import { Button } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { CopyButton } from '~/components/base/copy-button'
import { Field, Select } from '~/components/base/field'
import { EmptyState, Section } from '~/components/base/page-shell'
import { Table } from '~/components/base/table'
import { TeamShell } from '~/components/team/team-shell'
import { joinUrl, memberUrl, teamUrl } from '~/urls'
import { Ago, Time } from '~/components/base/time'
import { decideRequest } from '~/domain/money/budgets.server'
import {
  inviteByMail,
  listOpenInvitations,
  revokeInvitation,
} from '~/domain/team/invitations.server'
import {
  listMembers,
  listOpenRequests,
  type MemberView,
  type RequestView,
} from '~/domain/team/team-view.server'
import { handler, type HandlerArgs } from '~/web/handler.server'
import { frameOf, intentOf, parseText, requireOwner } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireOwner(args)
  const { ctx } = args
  const [members, requests, invitations] = await Promise.all([
    listMembers(ctx, team.teamId),
    listOpenRequests(ctx, team.teamId),
    listOpenInvitations(ctx, team.teamId),
  ])
  return {
    team: frameOf(team),
    members,
    requests,
    asOf: ctx.now().toISOString(),
    mails: ctx.mailer !== null,
    invitations: invitations.map(({ expiresAt, createdAt, ...row }) => ({
      ...row,
      expiresAt: expiresAt.toISOString(),
      createdAt: createdAt.toISOString(),
    })),
  }
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  const form = await args.request.formData()
  const back = redirect(teamUrl(team.slug, 'members'), 303)
  const id = form.get('id')
  const uuid = typeof id === 'string' && /^[0-9a-f-]{36}$/i.test(id) ? id : null
  switch (intentOf(form)) {
    case 'invite':
      return inviteSomebody(args, { ...team, viewer }, form)
    case 'revoke':
      if (uuid)
        await revokeInvitation(args.ctx, {
          teamId: team.teamId,
          slug: team.slug,
          invitationId: uuid,
          actorUserId: viewer.userId,
        })
      return back
    case 'approve':
    case 'refuse': {
      const decision = form.get('intent') === 'approve' ? 'approved' : 'refused'
      const outcome = uuid
        ? await decideRequest(args.ctx, {
            teamId: team.teamId,
            requestId: uuid,
            actorUserId: viewer.userId,
            decision,
            reason: parseText(form.get('reason'), 500) ?? '',
          })
        : null
      return outcome?.kind === 'not-open' || !outcome
        ? data({ kind: 'not-open' as const }, { status: 409 })
        : back
    }
    default:
      throw new Response('bad-request', { status: 400 })
  }
})

type Host = {
  teamId: string
  slug: string
  name: string
  viewer: { userId: string; displayName: string }
}

async function inviteSomebody({ ctx, auth }: HandlerArgs, host: Host, form: FormData) {
  const given = form.get('email')
  const email = typeof given === 'string' && given.trim() !== '' ? given.trim() : null
  if (email !== null && (email.length > 254 || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)))
    return data({ kind: 'bad-email' as const, email }, { status: 422 })
  const outcome = await inviteByMail(ctx, {
    teamId: host.teamId,
    slug: host.slug,
    teamName: host.name,
    invitedBy: host.viewer.displayName,
    role: form.get('role') === 'owner' ? 'owner' : 'member',
    email,
    actorUserId: host.viewer.userId,
    urlOf: (token) => `${auth.appOrigin}${joinUrl(token)}`,
  })
  if (outcome.kind === 'refused') return data({ kind: 'too-many' as const }, { status: 409 })
  // The one page that ever shows the link: it is nowhere to be read again.
  return data(
    {
      kind: 'invited' as const,
      url: outcome.url,
      mailed: outcome.mailed,
      email,
      expiresAt: outcome.expiresAt,
    },
    { headers: { 'Cache-Control': 'no-store' } },
  )
}

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Members · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Members() {
  const { team, members, requests, invitations, mails, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  return (
    <TeamShell
      team={team}
      title={
        members.length === 1
          ? 'You are the only member.'
          : `${members.length} people are in the team.`
      }
      lead="Budgets are per calendar month in UTC. A name leads to that member’s budget."
    >
      {answer?.kind === 'not-open' ? (
        <div role="alert" className="mt-6 max-w-read">
          <Callout tone="warning" title="That request has been decided already." />
        </div>
      ) : null}
      {requests.length > 0 ? (
        <Section title="They ask for more" id="requests">
          <Requests requests={requests} asOf={asOf} />
        </Section>
      ) : null}
      <Section title="Members" id="members">
        <MemberTable slug={team.slug} members={members} />
      </Section>
      <Section title="Invite somebody" id="invite">
        {answer?.kind === 'invited' ? (
          <div role="status" className="mb-6 max-w-read">
            <Callout
              tone="ok"
              title={
                answer.mailed === 'sent'
                  ? `The invitation is on its way to ${answer.email}.`
                  : 'The invitation is made.'
              }
            >
              {answer.mailed === 'failed' ? (
                <p>The mail could not be sent. Send this link yourself.</p>
              ) : null}
              <p>
                Whoever opens this link and signs in joins the team, once, until{' '}
                <Time iso={answer.expiresAt} now={asOf} />. It is shown only now.
              </p>
              <div className="flex flex-wrap items-center gap-3">
                <code id="invitation-link" className="font-mono text-small break-all select-all">
                  {answer.url}
                </code>
                <CopyButton text={answer.url} label="the link" targetId="invitation-link" />
              </div>
            </Callout>
          </div>
        ) : null}
        {answer?.kind === 'too-many' ? (
          <div role="alert" className="mb-6 max-w-read">
            <Callout tone="warning" title="Fifty invitations are open already.">
              <p>Take some back first.</p>
            </Callout>
          </div>
        ) : null}
        <Form method="post" className="max-w-[28rem] space-y-6">
          <Select
            label="As"
            name="role"
            defaultValue="member"
            options={[
              { value: 'member', label: 'a member, who makes keys inside a budget' },
              { value: 'owner', label: 'an owner, who also sets budgets and keeps the vault' },
            ]}
          />
          {mails ? (
            <Field
              label="Email (optional)"
              name="email"
              hint="The link is sent there. You can always copy it as well."
              {...(answer?.kind === 'bad-email'
                ? {
                    error: 'This is no address that mail can be sent to.',
                    defaultValue: answer.email,
                  }
                : {})}
            />
          ) : null}
          <Button type="submit" name="intent" value="invite" kind="ink">
            Make an invitation
          </Button>
        </Form>
        {invitations.length > 0 ? (
          <>
            <h3 className="mt-8 mb-2 text-lead font-semibold">Open invitations</h3>
            <ul className="max-w-read divide-y divide-rule border-y border-rule">
              {invitations.map((row) => (
                <li key={row.id} className="flex flex-wrap items-center justify-between gap-3 py-3">
                  <span>
                    For {row.role === 'owner' ? 'an owner' : 'a member'}
                    {row.email ? `, ${row.email}` : ''}, made by {row.createdBy}{' '}
                    <Ago iso={row.createdAt} asOf={asOf} />
                    <span className="block text-small text-soft">
                      good until <Time iso={row.expiresAt} now={asOf} />
                    </span>
                  </span>
                  <Form method="post">
                    <input type="hidden" name="id" value={row.id} />
                    <Button type="submit" name="intent" value="revoke" kind="quiet">
                      Take back
                    </Button>
                  </Form>
                </li>
              ))}
            </ul>
          </>
        ) : null}
      </Section>
    </TeamShell>
  )
}

function Requests({ requests, asOf }: { requests: RequestView[]; asOf: string }) {
  return (
    <ul className="max-w-read space-y-4">
      {requests.map((row) => (
        <li key={row.id} className="rounded-box border border-rule bg-raised p-4">
          <p>
            <strong>{row.name}</strong> asks for {row.more.text} more a month,{' '}
            <Ago iso={row.askedAt} asOf={asOf} />: “{row.reason}”
          </p>
          <Form method="post" className="mt-3 space-y-3">
            <input type="hidden" name="id" value={row.id} />
            <Field label="Words for them (optional)" name="reason" />
            <div className="flex flex-wrap gap-3">
              <Button
                type="submit"
                name="intent"
                value="approve"
                kind="ink"
                aria-label={`Approve ${row.more.text} more for ${row.name}`}
              >
                Approve {row.more.text} more
              </Button>
              <Button type="submit" name="intent" value="refuse" aria-label={`Refuse ${row.name}`}>
                Refuse
              </Button>
            </div>
            <p className="text-small text-soft">
              Approving raises the budget by that from this month on.
            </p>
          </Form>
        </li>
      ))}
    </ul>
  )
}

function MemberTable({ slug, members }: { slug: string; members: MemberView[] }) {
  if (members.length === 0) return <EmptyState title="Nobody is here." />
  return (
    <Table
      label="Members"
      className="min-w-[56rem]"
      rows={members}
      rowKey={(member) => member.userId}
      columns={[
        {
          head: 'Member',
          header: true,
          cell: (member) => (
            <Link className="prose-link" to={memberUrl(slug, member.userId)}>
              {member.name}
            </Link>
          ),
        },
        {
          head: 'Email',
          className: 'text-soft',
          cell: (member) => member.email ?? 'no verified email',
        },
        {
          head: 'Role',
          cell: (member) => `${member.role}${member.state === 'suspended' ? ', suspended' : ''}`,
        },
        {
          head: 'Budget a month',
          right: true,
          className: 'whitespace-nowrap',
          cell: (member) => (
            <>
              {member.allocated.text}
              {member.next.usd === member.allocated.usd ? null : (
                <span className="block text-small text-soft">
                  {member.next.text} from next month
                </span>
              )}
            </>
          ),
        },
        { head: 'Committed', right: true, cell: (member) => member.committed.text },
        { head: 'Spent', right: true, cell: (member) => member.spent.text },
        {
          head: 'Free',
          right: true,
          className: (member) => (member.short ? 'text-brick-ink' : undefined),
          cell: (member) => `${member.free.text}${member.short ? ' (short)' : ''}`,
        },
        { head: 'Live keys', right: true, cell: (member) => member.liveKeys },
      ]}
    />
  )
}
