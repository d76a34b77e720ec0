import { randomUUID } from 'node:crypto'
import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Section } from '~/components/base/page-shell'
import { ServiceAccountForm, ServiceAccounts } from '~/components/team/service-accounts'
import { serviceAccountProblems } from '~/components/team/team-messages'
import { TeamShell } from '~/components/team/team-shell'
import { memberUrl, teamUrl } from '~/urls'
import { maxNameLength } from '~/domain/team/service-name'
import { makeServiceAccount } from '~/domain/team/service-accounts.server'
import { listMembers } from '~/domain/team/team-view.server'
import { badRequest, handler } from '~/web/handler.server'
import {
  firstProblem,
  formId,
  optionalUsd,
  parseFields,
  readFields,
  requiredText,
} from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, intentOf, isActiveOwner, requireMoneyRole, requireOwner } from '~/web/team.server'

/** Whoever sees the members sees them; owners make them. */
export const loader = handler(async (args) => {
  const { team } = await requireMoneyRole(args)
  const members = await listMembers(args.ctx, team.teamId)
  return {
    team: frameOf(team),
    mayMake: isActiveOwner(team) && team.closedAt === null,
    accounts: members.filter(({ role }) => role === 'service'),
    formId: randomUUID(),
  }
})

const accountForm = z.object({
  name: requiredText(maxNameLength, 'bad-name', 'bad-name'),
  budget: optionalUsd('bad-budget', { orZero: true }),
  formId,
})

export const action = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const fields = await readFields(args.request)
  if (intentOf(fields) !== 'make') throw badRequest()
  const typed = { name: fields.get('name') ?? '', budget: fields.get('budget') ?? '' }
  const form = parseFields(accountForm, fields)
  if (!form.ok)
    return data({ problem: firstProblem(form, serviceAccountProblems), typed }, { status: 422 })
  const { formId, ...wish } = form.value
  const outcome = await makeServiceAccount(args.ctx, {
    teamId: team.teamId,
    slug: team.slug,
    actorUserId: viewer.userId,
    ...wish,
    ...(formId ? { formId } : {}),
  })
  return outcome.kind === 'made'
    ? redirect(memberUrl(team.slug, outcome.userId), 303)
    : data(
        { problem: outcome.reason, typed },
        { status: outcome.reason === 'bad-name' ? 422 : 409 },
      )
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Service accounts · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function ServiceAccountsPage() {
  const { team, mayMake, accounts, formId } = useLoaderData<typeof loader>()
  const refused = useActionData<typeof action>()
  return (
    <TeamShell
      team={team}
      title="Service accounts"
      lead={
        'A service account holds keys for machines, such as a CI. It has a budget of its own and nobody ' +
        'signs in with it: owners make, show and change its keys. They go on when somebody leaves.'
      }
      back={{ to: teamUrl(team.slug, 'members'), label: 'Members' }}
    >
      <Section title="Present service accounts" id="accounts">
        <ServiceAccounts slug={team.slug} accounts={accounts} />
      </Section>
      {mayMake ? (
        <Section title="Make a service account" id="make">
          <ServiceAccountForm formId={formId} refused={refused ?? null} />
        </Section>
      ) : null}
    </TeamShell>
  )
}
