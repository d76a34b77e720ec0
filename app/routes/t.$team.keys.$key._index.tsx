import { data, redirect, type MetaDescriptor, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { useState } from 'react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { useLive } from '~/client/use-live'
import { useRevealedKey } from '~/client/use-revealed-key'
import { Chart } from '~/components/base/chart'
import { StaleNote } from '~/components/base/stale-note'
import { TeamAccountFailures } from '~/components/team/account-failures'
import { FormProblem } from '~/components/team/form-answer'
import { keyProblem, keyProblems } from '~/components/team/key-problem-messages'
import { ServiceSnippets } from '~/components/team/service-snippets'
import { SubKeyActions } from '~/components/team/sub-key-actions'
import { SubKeyCard } from '~/components/team/sub-key-card'
import { CapChange, Endings } from '~/components/team/sub-key-forms'
import { SubKeyStatus } from '~/components/team/sub-key-status'
import { SubKeyTestForm } from '~/components/team/sub-key-test'
import { SubKeyUsage } from '~/components/team/sub-key-usage'
import { keyHeadline, phaseLabels } from '~/components/team/sub-key-messages'
import { OldKey } from '~/components/team/old-key'
import { FormerHolder, HandOver } from '~/components/team/hand-over'
import { KeyModels } from '~/components/team/key-models'
import { KeyProject } from '~/components/team/key-project'
import { TeamShell } from '~/components/team/team-shell'
import { subKeyRevealUrl, subKeyUrl, teamUrl } from '~/urls'
import { readKeyDays } from '~/domain/team/key-days.server'
import { readKeyModels } from '~/domain/team/key-models.server'
import { previewCap } from '~/domain/team/cap-preview.server'
import { handOverKeys, listTakers } from '~/domain/team/hand-over.server'
import { keyLives, lifeEnd } from '~/domain/team/key-life'
import { moveEnd } from '~/domain/team/later-end.server'
import { endOldKey, maxOverlapHours } from '~/domain/team/overlap.server'
import { changeCap, deleteSubKey, rotateSubKey } from '~/domain/team/sub-key.server'
import { setProject } from '~/domain/team/key-project.server'
import { findLastUse, findSubKey } from '~/domain/team/sub-key-view.server'
import { testSubKey } from '~/domain/team/test-sub-key.server'
import { listMasterKeys } from '~/domain/vault/vault.server'
import type { SubKeyPhase, SubKeyView } from '~/domain/team/view-types'
import { badRequest, handler, notFound, type HandlerArgs } from '~/web/handler.server'
import {
  firstProblem,
  optionalText,
  parseFields,
  readFields,
  requiredText,
  shownAmount,
  usdAmount,
} from '~/web/parse-form.server'
import { spendingChart } from '~/web/spending-chart.server'
import { frameOf, isActiveOwner, requireId, requireMember } from '~/web/team.server'
import { requireWithinLimit } from '~/web/rate-limit.server'

/** For the holder and the owners of the team. For everybody else the key does not exist. */
async function requireKey(args: HandlerArgs) {
  const { viewer, team } = await requireMember(args)
  const view = await findSubKey(args.ctx, team.teamId, requireId(args.params.key))
  const mine = view?.holder.userId === viewer.userId
  if (!view || !(mine || isActiveOwner(team))) throw notFound()
  return { viewer, team, view, mine }
}

const capQuery = z.object({ cap: usdAmount('bad-cap') })
/** What was searched for among the models; a name is at most so long. */
const modelSearch = (text: string | null) => (text ?? '').trim().slice(0, 100)
const isOver = (phase: SubKeyPhase) =>
  phase === 'settling' || phase === 'ended' || phase === 'refused'
const isChanging = (phase: SubKeyPhase) =>
  phase === 'pending' || phase === 'changing' || phase === 'rotating'

export const loader = handler(async (args) => {
  const { viewer, team, view, mine } = await requireKey(args)
  const query = new URL(args.request.url).searchParams
  if (query.has('cap')) await requireWithinLimit(args, 'preview', viewer)
  const form = query.has('cap') ? parseFields(capQuery, query) : null
  const ref = { teamId: team.teamId, keyId: view.id }
  return {
    team: frameOf(team),
    view,
    mine,
    lastUse: await findLastUse(args.ctx, view.id),
    chart: spendingChart(
      await readKeyDays(args.ctx, view.id),
      'this key',
      'the last 30 days',
      true,
    ),
    accounts: (await listMasterKeys(args.ctx, team.teamId, view.id)).map(
      ({ title, label, failure, unread, parked }) => ({ title, label, failure, unread, parked }),
    ),
    models: isOver(view.phase)
      ? null
      : await readKeyModels(args.ctx, view, modelSearch(query.get('model'))),
    search: modelSearch(query.get('model')),
    preview: form?.ok ? await previewCap(args.ctx, ref, form.value.cap) : null,
    input: { cap: query.get('cap') ?? '', valid: form?.ok ?? true },
    takers:
      isActiveOwner(team) && view.phase === 'ready'
        ? await listTakers(args.ctx, { teamId: team.teamId, userId: view.holder.userId })
        : null,
    nextPollMs: pollMs(view),
    autoSeconds: isChanging(view.phase) && query.get('auto') === '10' ? 10 : null,
    asOf: args.ctx.now().toISOString(),
  }
})

function pollMs({ phase, revealable }: SubKeyView): number | null {
  // A key waits a moment for its models before it can be shown.
  if (isChanging(phase) || (phase === 'ready' && !revealable)) return 1_000
  return phase === 'settling' ? 15_000 : phase === 'ready' ? 30_000 : null
}

const capForm = z.object({
  cap: usdAmount('bad-cap'),
  reason: requiredText(500, 'no-reason', 'no-reason'),
  /** A form without it is not held to the cap that it was shown. */
  was: z
    .string()
    .transform((text) => text || undefined)
    .pipe(shownAmount('stale-cap').optional()),
})
const projectForm = z.object({ project: optionalText(40) })
const handOverForm = z.object({
  to: requiredText(100, 'no-such-member', 'no-such-member'),
  reason: requiredText(500, 'no-reason', 'reason-too-long'),
  /** A form without it is not held to a holder. */
  from: optionalText(200).catch(null),
})
const reasonForm = z.object({
  reason: optionalText(500),
  generation: z.string().transform((text) => (/^\d{1,6}$/.test(text) ? Number(text) : undefined)),
  hours: z
    .string()
    .transform((text) => (/^\d{0,2}$/.test(text) ? Number(text) : Number.NaN))
    .refine((hours) => hours <= maxOverlapHours),
  /** Of the new key: as this one, or a later end. */
  life: z
    .string()
    .transform((text) => text || 'keep')
    .pipe(z.enum(['keep', ...keyLives])),
})
const endForm = z.object({
  life: z.enum(keyLives, 'bad-end'),
  reason: optionalText(500, 'reason-too-long'),
  was: z.iso.datetime('stale-end'),
})

export const action = handler(async (args) => {
  const { viewer, team, view } = await requireKey(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const fields = await readFields(args.request)
  const actor = { userId: viewer.userId, teamId: team.teamId, keyId: view.id }
  const here = subKeyUrl(team.slug, view.id)
  const intent = fields.get('intent')
  if (intent === 'test') {
    await requireWithinLimit(args, 'key-test', viewer)
    return data({ tested: await testSubKey(args.ctx, actor) })
  }
  if (intent === 'cap') {
    const form = parseFields(capForm, fields)
    if (!form.ok)
      return data({ problem: firstProblem(form, keyProblems), detail: null }, { status: 422 })
    const { was, ...change } = form.value
    const held = was === undefined ? change : { ...change, was }
    return answerTo(here, await changeCap(args.ctx, actor, held))
  }
  if (intent === 'project') {
    const form = parseFields(projectForm, fields)
    if (!form.ok) return data({ problem: 'bad-project', detail: null } as const, { status: 422 })
    return answerTo(here, await setProject(args.ctx, actor, form.value.project))
  }
  if (intent === 'hand-over') {
    if (!isActiveOwner(team)) throw notFound()
    const form = parseFields(handOverForm, fields)
    if (!form.ok)
      return data({ problem: firstProblem(form, keyProblems), detail: null }, { status: 422 })
    const { to, reason } = form.value
    const { userId, teamId, keyId } = actor
    const from = form.value.from ?? view.holder.userId
    const hand = { teamId, actorUserId: userId, from, to, keyId, reason }
    const outcome = await handOverKeys(args.ctx, hand)
    // Posted twice, it is done.
    const isDone = outcome.kind === 'refused' && view.holder.userId === to && from !== to
    return isDone ? redirect(here, 303) : answerTo(here, outcome)
  }
  if (intent === 'end') {
    const form = parseFields(endForm, fields)
    if (!form.ok)
      return data({ problem: firstProblem(form, keyProblems), detail: null }, { status: 422 })
    const { life, reason, was } = form.value
    const expiresAt = lifeEnd(life, args.ctx.now())
    const change = { expiresAt, was: new Date(was), reason: reason ?? '' }
    return answerTo(here, await moveEnd(args.ctx, actor, change))
  }
  const form = parseFields(reasonForm, fields)
  if (!form.ok) {
    const problem =
      form.problems.life !== undefined
        ? 'bad-end'
        : form.problems.hours === undefined
          ? 'reason-too-long'
          : 'bad-overlap'
    return data({ problem, detail: null } as const, { status: 422 })
  }
  const { generation, hours, life } = form.value
  const reason = form.value.reason ?? ''
  if (intent === 'rotate') {
    const expiresAt = life === 'keep' ? undefined : lifeEnd(life, args.ctx.now())
    const outcome = await rotateSubKey(args.ctx, actor, reason, generation, hours, expiresAt)
    return answerTo(here, outcome)
  }
  if (intent === 'end-old') return answerTo(here, await endOldKey(args.ctx, actor, reason))
  if (intent === 'delete') return answerTo(here, await deleteSubKey(args.ctx, actor, reason))
  throw badRequest()
})

type Outcome = Awaited<
  ReturnType<
    | typeof changeCap
    | typeof rotateSubKey
    | typeof endOldKey
    | typeof handOverKeys
    | typeof deleteSubKey
    | typeof setProject
    | typeof moveEnd
  >
>

function answerTo(url: string, outcome: Outcome) {
  if (outcome.kind !== 'refused') return redirect(url, 303)
  return data(keyProblem(outcome), { status: 409 })
}

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())

export const meta: MetaFunction<typeof loader> = ({ data }) => {
  const refresh: MetaDescriptor[] = data?.autoSeconds
    ? [{ httpEquiv: 'refresh', content: String(data.autoSeconds) }]
    : []
  return [
    {
      title: `${data ? `${data.view.purpose}: ${phaseLabels[data.view.phase]}` : 'Key'} · Keymint`,
    },
    ...refresh,
  ]
}

export default function SubKey() {
  const loaded = useLoaderData<typeof loader>()
  const { team, view, mine, lastUse, chart, accounts, takers, preview, input, nextPollMs, asOf } =
    loaded
  const answer = useActionData<typeof action>()
  const tested = answer && 'tested' in answer ? answer.tested : null
  const refused = answer && 'problem' in answer ? answer : null
  const [announced, announce] = useState('')
  const watched = useLive({ loadedAt: asOf, everyMs: nextPollMs })
  const url = subKeyUrl(team.slug, view.id)
  const revealUrl = subKeyRevealUrl(team.slug, view.id)
  const revealed = useRevealedKey(revealUrl, announce)
  const live = view.phase === 'ready' || view.phase === 'changing'
  // Only owners get here where a service account holds it.
  const shown = mine || view.holder.service
  return (
    <TeamShell
      team={team}
      title={keyHeadline(view)}
      back={{ to: teamUrl(team.slug, 'my-keys'), label: 'Keys' }}
    >
      <p role="status" className="sr-only">
        {announced || phaseLabels[view.phase]}
      </p>
      <StaleNote live={watched} />
      {refused ? (
        <FormProblem title={keyProblems[refused.problem].title}>
          <p>{refused.detail ?? keyProblems[refused.problem].next}</p>
        </FormProblem>
      ) : null}
      <div className="mt-6">
        <SubKeyCard view={view} revealed={revealed.key} asOf={asOf} />
      </div>
      <div className="mt-6 max-w-[34rem] space-y-6">
        <SubKeyStatus view={view} asOf={asOf} />
        <OldKey view={view} asOf={asOf} />
        <FormerHolder view={view} />
        {view.phase === 'ended' || view.phase === 'refused' ? null : (
          <TeamAccountFailures accounts={accounts} asOf={asOf} />
        )}
        {view.holder.service ? (
          <p className="text-soft">
            This key belongs to the service account {view.holder.name}. It goes on when somebody
            leaves the team.
          </p>
        ) : null}
        {shown ? (
          <SubKeyActions revealed={revealed} view={view} revealUrl={revealUrl} />
        ) : (
          <p className="text-soft">
            This is {view.holder.name}’s key. You can change its cap, replace it or delete it. Only
            its holder can see it.
          </p>
        )}
        {isChanging(view.phase) ? (
          <p className="no-print">
            <a className="inline-flex min-h-11 items-center prose-link" href={url}>
              Check again
            </a>{' '}
            or{' '}
            <a className="inline-flex min-h-11 items-center prose-link" href={`${url}?auto=10`}>
              check every 10 seconds
            </a>
          </p>
        ) : null}
      </div>
      {view.phase === 'refused' ? null : (
        <SubKeyUsage view={view} lastUse={lastUse} asOf={asOf}>
          {live ? <SubKeyTestForm view={view} found={tested} /> : null}
          {lastUse ? (
            <div className="mt-6">
              <Chart chart={chart} />
            </div>
          ) : null}
        </SubKeyUsage>
      )}
      {loaded.models ? (
        <KeyModels view={view} models={loaded.models} search={loaded.search} asOf={asOf} />
      ) : null}
      {live && shown ? <ServiceSnippets view={view} revealUrl={revealUrl} /> : null}
      {view.phase === 'refused' ? null : <KeyProject view={view} closed={team.closedAt !== null} />}
      {live ? <CapChange slug={team.slug} view={view} preview={preview} input={input} /> : null}
      {live || view.phase === 'pending' ? <Endings view={view} mine={mine} /> : null}
      {takers && !team.closedAt ? (
        <HandOver
          from={view.holder.userId}
          takers={takers}
          what={`the key with the ${view.left.text} that it may still spend`}
          button="Hand over the key"
        />
      ) : null}
    </TeamShell>
  )
}
