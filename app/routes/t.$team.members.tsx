import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { ButtonLink } from '~/components/base/button'
import { Callout } from '~/components/base/callout'
import { Section } from '~/components/base/page-shell'
import { BudgetRequests } from '~/components/team/budget-requests'
import { FormProblem } from '~/components/team/form-answer'
import { invitationMail } from '~/components/team/invitation-mail'
import { CloseLink } from '~/components/team/close-team'
import { InvitationForm, InvitationLink, PendingInvitations } from '~/components/team/invitations'
import { KeyCeilingForm } from '~/components/team/key-ceiling'
import { MemberTable } from '~/components/team/member-table'
import { DefaultBudgetForm } from '~/components/team/team-defaults'
import { TeamNameForm } from '~/components/team/team-name-form'
import { notDecidedMessage } from '~/components/team/team-messages'
import { TeamShell } from '~/components/team/team-shell'
import { joinUrl, teamUrl } from '~/urls'
import { decideRequest } from '~/domain/money/budget-requests.server'
import {
  inviteByMail,
  newInvitationToken,
  revokeInvitation,
} from '~/domain/team/invitations.server'
import { listOpenInvitations } from '~/domain/team/open-invitations.server'
import { monthOf } from '~/domain/money/month'
import { memberRoles } from '~/domain/money/roles'
import { keyCeilings, readKeyCeiling, setKeyCeiling } from '~/domain/team/key-ceiling.server'
import { readTeamDefaults, setDefaultBudget } from '~/domain/team/team-defaults.server'
import { renameTeam } from '~/domain/team/rename.server'
import { listMembers, listOpenRequests } from '~/domain/team/team-view.server'
import { badRequest, handler, notFound, type HandlerArgs } from '~/web/handler.server'
import {
  optionalText,
  optionalUsd,
  parseFields,
  readFields,
  requiredLine,
  uuid,
} from '~/web/parse-form.server'
import { frameOf, intentOf, isActiveOwner, requireMoneyRole, type Insider } from '~/web/team.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

export const loader = handler(async (args) => {
  const { team } = await requireMoneyRole(args)
  const isOwner = isActiveOwner(team)
  const { ctx } = args
  const [members, defaults, requests, invitations] = await Promise.all([
    listMembers(ctx, team.teamId),
    readTeamDefaults(ctx, team.teamId),
    listOpenRequests(ctx, team.teamId),
    isOwner ? listOpenInvitations(ctx, team.teamId) : [],
  ])
  return {
    team: frameOf(team),
    isOwner,
    members,
    newcomers: defaults.budget,
    requests,
    invitations,
    month: monthOf(ctx.now()),
    mails: ctx.mailer !== null,
    invitationToken: newInvitationToken(),
    maxLiveKeys: await readKeyCeiling(ctx, team.teamId),
    asOf: ctx.now().toISOString(),
  }
})

const optionalAmount = optionalUsd('bad-budget', { orZero: true })
const invitationForm = z.object({
  role: z.enum(memberRoles).catch('member'),
  email: z
    .string()
    .trim()
    .max(254)
    .regex(/^([^\s@]+@[^\s@]+\.[^\s@]+)?$/)
    .transform((email) => email || null),
  budget: optionalAmount,
  bound: z.string().transform((text) => text === 'yes'),
  /** 256 bits, as the page was shown with; anything else gets a token of its own. */
  token: z.string().transform((text) => (/^[A-Za-z0-9_-]{43}$/.test(text) ? text : undefined)),
})
const revocationForm = z.object({ id: uuid })
const ceilingForm = z.object({
  ceiling: z
    .string()
    .trim()
    .regex(/^\d{1,4}$/)
    .transform(Number)
    .refine((count) => count >= keyCeilings.min && count <= keyCeilings.max),
})
const defaultBudgetForm = z.object({ budget: optionalAmount, was: optionalAmount })
/** Empty: what was requested. */
const grantForm = z.object({ amount: optionalUsd('bad-amount') })
const nameForm = z.object({ name: requiredLine(80, 'bad-name') })
const decisionForm = z.object({
  intent: z.enum(['approve', 'refuse']),
  id: uuid,
  scope: z.enum(['monthly', 'once']).catch('monthly'),
  /** A form without it is not held to a month. */
  month: z.string().transform((month) => month || undefined),
  reason: optionalText(500),
})

/** What finance does here too. Everything else is the owners'. */
const ofMoney = ['approve', 'refuse', 'default-budget']

export const action = handler(async (args) => {
  const insider = await requireMoneyRole(args)
  const { teamId, slug } = insider.team
  const actorUserId = insider.viewer.userId
  await requireWithinLimit(args, 'team-action', insider.viewer)
  const fields = await readFields(args.request)
  const back = redirect(teamUrl(slug, 'members'), 303)
  const intent = intentOf(fields)
  if (!ofMoney.includes(intent) && !isActiveOwner(insider.team)) throw notFound()
  switch (intent) {
    case 'invite':
      await requireWithinLimit(args, 'invite', insider.viewer)
      return answerInvitation(args, insider, fields)
    case 'revoke': {
      const form = parseFields(revocationForm, fields)
      if (form.ok)
        await revokeInvitation(args.ctx, {
          teamId,
          slug,
          invitationId: form.value.id,
          actorUserId,
        })
      return back
    }
    case 'ceiling': {
      const form = parseFields(ceilingForm, fields)
      if (!form.ok) return data({ kind: 'bad-ceiling' as const }, { status: 422 })
      await setKeyCeiling(args.ctx, { teamId, slug, actorUserId, ceiling: form.value.ceiling })
      return back
    }
    case 'default-budget': {
      const form = parseFields(defaultBudgetForm, fields)
      if (!form.ok)
        return data(
          { kind: 'bad-default' as const, typed: form.given.budget ?? '' },
          { status: 422 },
        )
      return (await setDefaultBudget(args.ctx, { teamId, slug, actorUserId, ...form.value })) ===
        'set'
        ? back
        : data({ kind: 'stale-default' as const }, { status: 409 })
    }
    case 'rename': {
      const form = parseFields(nameForm, fields)
      const given = form.ok ? form.value.name : (form.given.name ?? '')
      const renamed =
        form.ok && (await renameTeam(args.ctx, { teamId, slug, actorUserId, name: given }))
      return renamed ? back : data({ kind: 'bad-name' as const, name: given }, { status: 422 })
    }
    case 'approve':
    case 'refuse': {
      const form = parseFields(decisionForm, fields)
      const amount = parseFields(grantForm, fields)
      if (form.ok && form.value.intent === 'approve' && !amount.ok)
        return data(
          { kind: 'bad-amount' as const, id: form.value.id, amount: amount.given.amount ?? '' },
          { status: 422 },
        )
      if (!form.ok && 'reason' in form.problems)
        return data({ kind: 'reason-too-long' as const }, { status: 422 })
      const outcome = form.ok
        ? await decideRequest(args.ctx, {
            teamId,
            requestId: form.value.id,
            actorUserId,
            decision: form.value.intent === 'approve' ? 'approved' : 'refused',
            reason: form.value.reason ?? '',
            once: form.value.scope === 'once',
            ...(form.value.month ? { month: form.value.month } : {}),
            ...(amount.ok && amount.value.amount !== null ? { amount: amount.value.amount } : {}),
          })
        : null
      if (outcome?.kind === 'month-changed')
        return data({ kind: 'month-changed' as const }, { status: 409 })
      return outcome?.kind === 'not-open' || !outcome
        ? data({ kind: 'not-open' as const }, { status: 409 })
        : back
    }
    default:
      throw badRequest()
  }
})

async function answerInvitation(
  { ctx, auth }: HandlerArgs,
  { viewer, team }: Insider,
  fields: URLSearchParams,
) {
  const form = parseFields(invitationForm, fields)
  if (!form.ok)
    return data(
      {
        kind: 'bad-invitation' as const,
        email: 'email' in form.problems ? (form.given.email ?? '') : null,
        budget: 'budget' in form.problems ? (form.given.budget ?? '') : null,
      },
      { status: 422 },
    )
  const { role, email, budget, bound, token: formToken } = form.value
  // Bound to nobody it would be an open link that looks like a closed one.
  if (bound && email === null)
    return data({ kind: 'bad-invitation' as const, email: '', budget: null }, { status: 422 })
  const urlOf = (token: string) => `${auth.appOrigin}${joinUrl(token)}`
  const outcome = await inviteByMail(ctx, {
    teamId: team.teamId,
    slug: team.slug,
    role,
    email,
    budget,
    bound,
    actorUserId: viewer.userId,
    ...(formToken ? { formToken } : {}),
    mailOf: ({ token, days }) =>
      invitationMail({
        teamName: team.name,
        invitedBy: viewer.displayName,
        role,
        url: urlOf(token),
        days,
      }),
  })
  if (outcome.kind === 'refused') return data({ kind: 'too-many' as const }, { status: 409 })
  const { token, mailed, expiresAt } = outcome
  // The link is shown on this page only, because nothing but its hash is stored.
  return data(
    { kind: 'invited' as const, url: urlOf(token), mailed, email, bound, expiresAt },
    { headers: { 'Cache-Control': 'no-store' } },
  )
}

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Members · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Members() {
  const {
    team,
    isOwner,
    members,
    newcomers,
    requests,
    invitations,
    month,
    mails,
    invitationToken,
    maxLiveKeys,
    asOf,
  } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const people = members.filter(({ role }) => role !== 'service')
  const notDecided = answer ? notDecidedMessage(answer.kind) : null
  return (
    <TeamShell
      team={team}
      title={
        people.length === 1 ? 'You are the only member' : `${people.length} people are in the team`
      }
      lead="Budgets are per calendar month in UTC. Select a member to change their budget."
    >
      {notDecided ? (
        <FormProblem title={notDecided.title}>
          {notDecided.next ? <p>{notDecided.next}</p> : null}
        </FormProblem>
      ) : null}
      {requests.length > 0 && !team.closedAt ? (
        <Section title="Budget requests" id="requests">
          <BudgetRequests
            requests={requests}
            month={month}
            problem={answer?.kind === 'bad-amount' ? answer : null}
            asOf={asOf}
          />
        </Section>
      ) : null}
      <Section title="Members" id="members">
        <MemberTable slug={team.slug} members={members} />
        {team.closedAt ? null : (
          <p className="mt-4 flex flex-wrap gap-3">
            <ButtonLink to={teamUrl(team.slug, 'budgets')}>Change several budgets</ButtonLink>
            <ButtonLink to={teamUrl(team.slug, 'limits')}>Limits of the team</ButtonLink>
            <ButtonLink to={teamUrl(team.slug, 'service-accounts')}>Service accounts</ButtonLink>
          </p>
        )}
      </Section>
      {team.closedAt || !isOwner ? null : (
        <Section title="Invite somebody" id="invite">
          {answer?.kind === 'invited' ? <InvitationLink invitation={answer} asOf={asOf} /> : null}
          {answer?.kind === 'too-many' ? (
            <div role="alert" className="mb-6 max-w-read">
              <Callout tone="warning" title="50 invitations are pending">
                <p>Revoke some first.</p>
              </Callout>
            </div>
          ) : null}
          <InvitationForm
            token={invitationToken}
            mails={mails}
            newcomers={newcomers}
            refusedEmail={answer?.kind === 'bad-invitation' ? answer.email : null}
            refusedBudget={answer?.kind === 'bad-invitation' ? answer.budget : null}
          />
          <PendingInvitations invitations={invitations} asOf={asOf} />
        </Section>
      )}
      {team.closedAt ? null : (
        <Section title="Newcomers" id="newcomers">
          <DefaultBudgetForm
            current={newcomers}
            refused={answer?.kind === 'bad-default' ? answer.typed : null}
            stale={answer?.kind === 'stale-default'}
          />
        </Section>
      )}
      {team.closedAt || !isOwner ? null : (
        <Section title="Keys" id="keys">
          <KeyCeilingForm
            current={maxLiveKeys}
            problem={answer?.kind === 'bad-ceiling' ? 'Enter a whole number from 1 to 1000.' : null}
          />
        </Section>
      )}
      {team.closedAt || !isOwner ? null : (
        <Section title="Name of the team" id="name">
          <TeamNameForm
            name={team.name}
            slug={team.slug}
            refused={answer?.kind === 'bad-name' ? answer.name : null}
          />
        </Section>
      )}
      {isOwner ? (
        <Section title="Close the team" id="close">
          <CloseLink slug={team.slug} closed={team.closedAt !== null} />
        </Section>
      ) : null}
    </TeamShell>
  )
}
