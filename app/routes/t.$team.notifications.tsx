import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, useLocation } from '@remix-run/react'
import { useState } from 'react'
import { z } from 'zod'
import { useLive } from '~/client/use-live'
import { Callout } from '~/components/base/callout'
import { EmptyState, Section } from '~/components/base/page-shell'
import { AlertDeliveries } from '~/components/staff/alert-deliveries'
import {
  hookProblems,
  notificationNotices,
  type NotificationNotice,
} from '~/components/team/notification-messages'
import { OwnMail } from '~/components/team/own-mail'
import { NewSecret, TeamHooks } from '~/components/team/team-hooks'
import { TeamShell } from '~/components/team/team-shell'
import {
  addHook,
  readNoticePage,
  removeHook,
  retryOwn,
  setOwnMail,
  testHook,
  testOwnMail,
} from '~/domain/team/notice-page.server'
import { notificationsUrl } from '~/urls'
import { badRequest, handler, notFound } from '~/web/handler.server'
import { many, parseFields, readFields, uuid } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { frameOf, intentOf, isActiveOwner, requireMember } from '~/web/team.server'

export const loader = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  const done = new URL(args.request.url).searchParams.get('done') ?? ''
  return {
    team: frameOf(team),
    page: await readNoticePage(args.ctx, team, viewer.userId),
    done: Object.hasOwn(notificationNotices, done) ? (done as NotificationNotice) : null,
  }
})

const choiceForm = z.object({ wanted: many(z.string().max(40)) })
const hookForm = z.object({ channel: z.enum(['webhook', 'slack']), url: z.string().trim() })
const idForm = z.object({ id: uuid })

export const action = handler(async (args) => {
  const { viewer, team } = await requireMember(args)
  await requireWithinLimit(args, 'team-action', viewer)
  const { ctx } = args
  const { userId } = viewer
  const { teamId, slug, role } = team
  const fields = await readFields(args.request)
  const back = (done: NotificationNotice) => redirect(`${notificationsUrl(slug)}?done=${done}`, 303)
  const intent = intentOf(fields)
  if (intent === 'choose') {
    const form = parseFields(choiceForm, fields)
    if (!form.ok) throw badRequest()
    await setOwnMail(ctx, { teamId, userId, role }, form.value.wanted)
    return back('saved')
  }
  if (intent === 'test-mail') {
    await requireWithinLimit(args, 'alert-test', viewer)
    return back((await testOwnMail(ctx, team, userId)) ? 'tested' : 'not-tested')
  }
  if (intent === 'add-webhook') {
    if (!isActiveOwner(team)) throw notFound()
    const form = parseFields(hookForm, fields)
    if (!form.ok) throw badRequest()
    const { channel, url } = form.value
    const outcome =
      url === ''
        ? ({ kind: 'refused', reason: 'no-address' } as const)
        : await addHook(ctx, { teamId, slug, actorUserId: userId, channel, url })
    const answer =
      outcome.kind === 'added'
        ? { secret: outcome.secret, problem: null }
        : { secret: null, problem: { channel, message: hookProblems[outcome.reason] } }
    // The secret is in this answer alone.
    return data(answer, {
      status: outcome.kind === 'added' ? 200 : 422,
      headers: { 'Cache-Control': 'no-store' },
    })
  }
  const form = parseFields(idForm, fields)
  if (!form.ok) throw badRequest()
  const { id } = form.value
  switch (intent) {
    case 'retry':
      return back((await retryOwn(ctx, team, userId, id)) === 'retrying' ? 'retried' : 'not-failed')
    case 'test-webhook':
      if (!isActiveOwner(team)) throw notFound()
      await requireWithinLimit(args, 'alert-test', viewer)
      return back((await testHook(ctx, team, userId, id)) ? 'tested' : 'not-tested')
    case 'remove-webhook':
      if (!isActiveOwner(team)) throw notFound()
      if (!(await removeHook(ctx, { teamId, slug, actorUserId: userId, id }))) throw notFound()
      return back('removed')
    default:
      throw badRequest()
  }
})

export const meta: MetaFunction<typeof loader> = ({ data }) => [
  { title: `Notifications · ${data?.team.name ?? 'Team'} · Keymint` },
]

export default function Notifications() {
  const { team, page, done } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>() ?? null
  // An update of the page drops the answer. What it says stays until the next form, the secret in
  // it until the page is left, because it is shown nowhere else.
  const { key } = useLocation()
  const [kept, setKept] = useState(answer && { answer, key })
  if (answer !== null && answer !== kept?.answer) setKept({ answer, key })
  const shown = answer ?? (kept?.key === key ? kept.answer : null)
  const secret = shown?.secret ?? kept?.answer.secret ?? null
  const moving = page.deliveries.some(({ state }) => state === 'waiting')
  useLive({ loadedAt: page.asOf, everyMs: moving ? 1_500 : null })
  const notice = done && shown === null ? notificationNotices[done] : null
  return (
    <TeamShell
      team={team}
      title="Notifications"
      lead="Keymint tells you once, and again when a cause that ends is gone."
    >
      <div role="status" className="mt-6 max-w-read space-y-4 empty:hidden">
        {secret === null ? null : <NewSecret secret={secret} />}
        {shown && shown.secret === null && shown.problem === null ? (
          <Callout tone="ok" title="The Slack webhook is added">
            <p>Send a test, and check that somebody sees it there.</p>
          </Callout>
        ) : null}
        {notice ? (
          <Callout tone={notice.tone} title={notice.title}>
            {notice.next ? <p>{notice.next}</p> : null}
          </Callout>
        ) : null}
      </div>
      <Section title="Mail to you" id="mail">
        <OwnMail mail={page.mail} active={team.state === 'active'} />
      </Section>
      {page.hooks ? (
        <Section title="Webhooks of the team" id="webhooks">
          <TeamHooks
            hooks={page.hooks}
            closed={team.closedAt !== null}
            problem={shown?.problem ?? null}
            asOf={page.asOf}
          />
        </Section>
      ) : null}
      <Section title="What was sent" id="sent">
        {page.deliveries.length === 0 ? (
          <EmptyState title="Nothing yet">
            <p>
              {page.hooks
                ? 'Mail to you and messages to the webhooks appear here, each with its answer.'
                : 'Mail to you appears here, with the answer of the mail server.'}
            </p>
          </EmptyState>
        ) : (
          <AlertDeliveries deliveries={page.deliveries} mayAct asOf={page.asOf} />
        )}
      </Section>
    </TeamShell>
  )
}
