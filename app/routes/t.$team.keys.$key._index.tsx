import { data, redirect, type MetaDescriptor, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { useState } from 'react'
import { useLive } from '~/client/use-live'
import { useRevealedKey } from '~/client/use-revealed-key'
import { Callout } from '~/components/base/callout'
import { KeyCard } from '~/components/claim/key-card'
import { Section } from '~/components/base/page-shell'
import { SubKeyActions } from '~/components/team/sub-key-actions'
import { CapChange, Endings } from '~/components/team/sub-key-forms'
import { SubKeyStatus, subKeySteps } from '~/components/team/sub-key-status'
import { capNoteOf, phaseWords, serviceTitle } from '~/components/team/sub-key-words'
import { TeamShell } from '~/components/team/team-shell'
import { subKeyRevealUrl, subKeyUrl, teamUrl } from '~/urls'
import { Ago, Countdown, Time } from '~/components/base/time'
import { changeCap, deleteSubKey, previewCap, rotateSubKey } from '~/domain/team/sub-key.server'
import { findSubKey } from '~/domain/team/sub-key-view.server'
import { handler, notFound, type HandlerArgs } from '~/web/handler.server'
import { keyProblem, keyProblems } from '~/web/key-problems'
import { frameOf, parseText, parseUsd, requireMember } from '~/web/team.server'

/** The holder, or an owner of the team; to everybody else there is no such key. */
async function requireKey(args: HandlerArgs) {
  const { viewer, team } = await requireMember(args)
  const view = await findSubKey(args.ctx, team.teamId, args.params.key ?? '')
  const mine = view?.holder.userId === viewer.userId
  if (!view || !(mine || (team.role === 'owner' && team.state === 'active'))) throw notFound()
  return { viewer, team, view, mine }
}

export const loader = handler(async (args) => {
  const { team, view, mine } = await requireKey(args)
  const query = new URL(args.request.url).searchParams
  const wanted = query.has('cap') ? parseUsd(query.get('cap')) : null
  const preview =
    wanted === null
      ? null
      : await previewCap(args.ctx, { teamId: team.teamId, keyId: view.id }, wanted)
  const under = view.phase === 'pending' || view.phase === 'changing' || view.phase === 'rotating'
  return {
    team: frameOf(team),
    view,
    mine,
    preview,
    badCap: query.has('cap') && wanted === null,
    asked: query.get('cap') ?? '',
    nextPollMs: under
      ? 1_000
      : view.phase === 'settling'
        ? 15_000
        : view.phase === 'ready'
          ? 30_000
          : null,
    autoSeconds: under && query.get('auto') === '10' ? 10 : null,
    asOf: args.ctx.now().toISOString(),
  }
})

export const action = handler(async (args) => {
  const { viewer, team, view } = await requireKey(args)
  const form = await args.request.formData()
  const actor = { userId: viewer.userId, teamId: team.teamId, keyId: view.id }
  const reason = parseText(form.get('reason'), 500)
  const intent = form.get('intent')
  if (intent === 'cap') {
    const cap = parseUsd(form.get('cap'))
    if (cap === null || reason === null)
      return data(
        { problem: cap === null ? ('bad-cap' as const) : ('no-reason' as const), detail: null },
        { status: 422 },
      )
    return answerTo(team.slug, view.id, await changeCap(args.ctx, actor, { cap, reason }))
  }
  if (intent === 'rotate')
    return answerTo(
      team.slug,
      view.id,
      await rotateSubKey(args.ctx, actor, reason ?? 'no reason given'),
    )
  if (intent === 'delete')
    return answerTo(
      team.slug,
      view.id,
      await deleteSubKey(args.ctx, actor, reason ?? 'no reason given'),
    )
  throw new Response('bad-request', { status: 400 })
})

type Outcome = Awaited<ReturnType<typeof changeCap | typeof rotateSubKey | typeof deleteSubKey>>

function answerTo(slug: string, keyId: string, outcome: Outcome) {
  if (outcome.kind !== 'refused') return redirect(subKeyUrl(slug, keyId), 303)
  return data(keyProblem(outcome), { status: 409 })
}

export const meta: MetaFunction<typeof loader> = ({ data }) => {
  const refresh: MetaDescriptor[] = data?.autoSeconds
    ? [{ httpEquiv: 'refresh', content: String(data.autoSeconds) }]
    : []
  return [
    { title: `${data ? `${data.view.purpose}: ${phaseWords[data.view.phase]}` : 'Key'} · Keymint` },
    ...refresh,
  ]
}

export default function SubKey() {
  const { team, view, mine, preview, badCap, asked, nextPollMs, asOf } =
    useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const [said, say] = useState('')
  useLive({ loadedAt: asOf, everyMs: nextPollMs })
  const revealed = useRevealedKey(subKeyRevealUrl(team.slug, view.id), say)
  const over = view.phase === 'settling' || view.phase === 'ended'
  const live = view.phase === 'ready' || view.phase === 'changing'
  const under = view.phase === 'pending' || view.phase === 'changing' || view.phase === 'rotating'
  const cardState =
    view.phase === 'refused'
      ? 'refused'
      : over
        ? 'ended'
        : view.phase === 'pending' || view.phase === 'rotating'
          ? 'pending'
          : 'ready'
  return (
    <TeamShell
      team={team}
      title={titleOf(view.phase, view.purpose)}
      back={{ to: teamUrl(team.slug, 'my-keys'), label: 'Keys' }}
    >
      <p role="status" className="sr-only">
        {said || phaseWords[view.phase]}
      </p>
      {answer ? (
        <div role="alert" className="mt-6 max-w-read">
          <Callout tone="warning" title={keyProblems[answer.problem]}>
            {answer.detail ? <p>{answer.detail}</p> : null}
          </Callout>
        </div>
      ) : null}
      <div className="mt-6">
        <KeyCard
          state={cardState}
          title={view.purpose}
          holder={view.holder.name}
          reference={view.reference}
          steps={subKeySteps(view)}
          label={
            live
              ? `${serviceTitle(view.service)} key`
              : cardState === 'pending'
                ? 'Not struck yet'
                : cardState === 'refused'
                  ? 'Not struck'
                  : 'No longer valid'
          }
          keyText={over || view.phase === 'refused' ? null : (revealed.key ?? view.label)}
          cap={view.cap.text}
          capNote={capNoteOf(view)}
          ends={
            view.endedAt ? (
              <Time iso={view.endedAt} now={asOf} />
            ) : (
              <>
                <Countdown iso={view.expiresAt} asOf={asOf} passed="now" />
                <span className="key-card-quiet block">
                  <Time iso={view.expiresAt} now={asOf} />
                </span>
              </>
            )
          }
        />
      </div>
      <div className="mt-6 max-w-[34rem] space-y-6">
        <SubKeyStatus view={view} />
        {mine ? (
          <SubKeyActions
            revealed={revealed}
            view={view}
            revealUrl={subKeyRevealUrl(team.slug, view.id)}
          />
        ) : (
          <p className="text-soft">
            This is {view.holder.name}’s key. You can end it or change its cap; only they can see
            it.
          </p>
        )}
        {under ? (
          <p className="no-print">
            <a
              className="inline-flex min-h-11 items-center prose-link"
              href={subKeyUrl(team.slug, view.id)}
            >
              Check again
            </a>{' '}
            or{' '}
            <a
              className="inline-flex min-h-11 items-center prose-link"
              href={`${subKeyUrl(team.slug, view.id)}?auto=10`}
            >
              check every 10 seconds
            </a>
          </p>
        ) : null}
      </div>
      {view.phase === 'refused' ? null : (
        <Section title="What it has spent" id="spent">
          <p className="font-head text-lead font-semibold">
            {view.left.text} left of {view.cap.text}
            {view.reset ? ' this month' : ''}
          </p>
          <meter
            className="meter mt-3 max-w-[34rem]"
            data-tone={
              view.spent.usd >= view.cap.usd * 0.95
                ? 'error'
                : view.spent.usd >= view.cap.usd * 0.8
                  ? 'warning'
                  : 'ok'
            }
            min={0}
            max={view.cap.usd}
            value={view.spent.usd}
            aria-label="Spent of this key’s cap"
          >
            {view.spent.text} of {view.cap.text} spent
          </meter>
          <p className="mt-2 max-w-read text-small text-soft">
            {view.spent.text} spent,{' '}
            {view.usageAsOf ? (
              <>
                read <Ago iso={view.usageAsOf} asOf={asOf} />
              </>
            ) : (
              'not read yet'
            )}
            . {view.committed.text} of the budget is set aside for it, so its own cap is the limit
            it meets first.
            {view.spent.usd >= view.cap.usd * 0.8 && live
              ? ' More than four fifths are spent.'
              : ''}
          </p>
          {view.models.length > 0 ? (
            <p className="mt-2">
              Models:{' '}
              {view.models.map((model) => (
                <code key={model} className="mr-2 font-mono text-small">
                  {model}
                </code>
              ))}
            </p>
          ) : null}
        </Section>
      )}
      {live ? (
        <CapChange slug={team.slug} view={view} preview={preview} bad={badCap} asked={asked} />
      ) : null}
      {live || view.phase === 'pending' ? <Endings view={view} mine={mine} /> : null}
    </TeamShell>
  )
}

function titleOf(phase: string, purpose: string): string {
  switch (phase) {
    case 'pending':
      return 'Your key is being made.'
    case 'refused':
      return 'The key was not made.'
    case 'settling':
    case 'ended':
      return `“${purpose}” has ended.`
    default:
      return `“${purpose}” is ready.`
  }
}
