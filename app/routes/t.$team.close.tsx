import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Section } from '~/components/base/page-shell'
import { CloseForm, ClosingState } from '~/components/team/close-team'
import { closeProblems } from '~/components/team/team-messages'
import { TeamShell } from '~/components/team/team-shell'
import { teamUrl } from '~/urls'
import { closeTeam, readClosing } from '~/domain/team/close.server'
import { handler } from '~/web/handler.server'
import { firstProblem, parseForm, requiredText } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, requireOwner } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { team } = await requireOwner(args)
  return {
    team: frameOf(team),
    closing: await readClosing(args.ctx, team.teamId),
    asOf: args.ctx.now().toISOString(),
  }
})

const reasonText = requiredText(500, 'no-reason', 'no-reason')

export const action = handler(async (args) => {
  const { viewer, team } = await requireOwner(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const closeForm = z.object({
    confirm: z
      .string()
      .trim()
      .refine((typed) => typed === team.slug, 'not-confirmed'),
    reason: reasonText,
  })
  const form = await parseForm(closeForm, args.request)
  if (!form.ok)
    return data(
      { problem: firstProblem(form, closeProblems), reason: form.given.reason ?? '' },
      { status: 422 },
    )
  await closeTeam(args.ctx, {
    teamId: team.teamId,
    slug: team.slug,
    actorUserId: viewer.userId,
    reason: form.value.reason,
  })
  return redirect(teamUrl(team.slug, 'close'), 303)
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Close the team · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function CloseTeam() {
  const { team, closing, asOf } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  return (
    <TeamShell
      team={team}
      title={closing.closedAt ? `${team.name} is closed` : `Close ${team.name}`}
      back={{ to: teamUrl(team.slug, 'members'), label: 'Members' }}
    >
      {closing.closedAt ? (
        <Section title="What is left to do" id="closing">
          <ClosingState closing={closing} closedAt={closing.closedAt} asOf={asOf} />
        </Section>
      ) : (
        <Section title="What closing does" id="close">
          <CloseForm slug={team.slug} closing={closing} answer={answer ?? null} />
        </Section>
      )}
    </TeamShell>
  )
}
