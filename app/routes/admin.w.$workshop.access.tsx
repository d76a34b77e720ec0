import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData, type ClientLoaderFunctionArgs } from '@remix-run/react'
import { z } from 'zod'
import { keepLastAnswer } from '~/client/keep-last-answer'
import { Callout } from '~/components/base/callout'
import { Section } from '~/components/base/page-shell'
import { EventZoneProvider } from '~/components/base/time'
import { domainsLabel } from '~/components/claim/claim-messages'
import { CodeLinks, GrantBeforehand, GrantList } from '~/components/staff/access-grants'
import { grantedLabel, linesLabel } from '~/components/staff/access-messages'
import { AccessRequests, DecidedRequests } from '~/components/staff/access-requests'
import { AdminShell } from '~/components/staff/admin-shell'
import { Waitlist, letInProblem } from '~/components/staff/waitlist'
import { LiveBar } from '~/components/staff/live-line'
import { readAccessPage } from '~/domain/claim/access-list.server'
import { decideRequests, grantBeforehand, revokeGrant } from '~/domain/claim/access.server'
import { listCodeLinks, makeCodeLink, revokeCodeLink } from '~/domain/claim/code-links.server'
import { letIn } from '~/domain/claim/serve-waitlist.server'
import { readLine, removeFromLine } from '~/domain/claim/waitlist.server'
import { findWorkshopView } from '~/domain/workshop/view.server'
import { adminAccessUrl, adminWorkshopUrl, codeUrl } from '~/urls'
import { selectedRequests } from '~/web/access-selection'
import { badRequest, handler, notFound, type HandlerArgs } from '~/web/handler.server'
import { parseFields, readFields, uuid } from '~/web/parse-form.server'
import { requireWorkshopActor, requireWorkshopStaff } from '~/web/session.server'

export const loader = handler(async ({ request, params, ctx, auth }) => {
  const slug = params.workshop ?? ''
  const { mayAct } = await requireWorkshopStaff({ request, ctx, auth, slug })
  const workshop = await findWorkshopView(ctx, slug)
  if (!workshop) throw notFound()
  const file = ctx.workshops.workshops.get(slug)
  const withCode = file?.roomCode != null
  const [page, line, links] = await Promise.all([
    readAccessPage(ctx, slug),
    readLine(ctx, slug),
    withCode ? listCodeLinks(ctx, slug) : [],
  ])
  return {
    slug,
    title: file?.title ?? slug,
    zone: file?.timezone ?? 'UTC',
    mayAct,
    page,
    // A line outlives the switch in the file.
    line: file?.waitlist || line.count > 0 ? line : null,
    rules: {
      domains: 'broken' in workshop ? [] : workshop.entry.domains,
      roster: file?.roster ? file.roster.logins.size + file.roster.hashes.size : null,
      minAccountAgeDays: file?.minAccountAgeMs ? file.minAccountAgeMs / 86_400_000 : null,
      code: withCode,
      listed: file?.listed ?? true,
    },
    links: links.map(({ id, token, madeBy, madeAt, expiresAt }) => ({
      id,
      url: mayAct ? `${ctx.deployment.appOrigin}${codeUrl(slug, token)}` : null,
      madeBy,
      madeAt,
      expiresAt,
    })),
  }
})

/** An outage leaves the last answer on the page, and the page says so. */
export const clientLoader = ({ request, serverLoader }: ClientLoaderFunctionArgs) =>
  keepLastAnswer(request.url, () => serverLoader<typeof loader>())

const maxPeople = 200
const oneForm = z.object({ id: uuid })
const peopleForm = z.object({ people: z.string().max(60_000) })

export const action = handler(async (args) => {
  const { request, params, ctx, auth } = args
  const slug = params.workshop ?? ''
  const viewer = await requireWorkshopActor({ request, ctx, auth, slug })
  if (!ctx.workshops.workshops.has(slug)) throw notFound()
  const fields = await readFields(request)
  const done = await act(args, { slug, actorUserId: viewer.userId, fields })
  return done ?? redirect(adminAccessUrl(slug), 303)
})

type Acting = { slug: string; actorUserId: string; fields: URLSearchParams }

/** What is answered in place of the page itself, null otherwise. */
async function act({ ctx }: HandlerArgs, { slug, actorUserId, fields }: Acting) {
  const mine = { workshopSlug: slug, actorUserId }
  for (const [name, decision, from] of [
    ['grant', 'granted', 'open'],
    ['refuse', 'refused', 'open'],
    ['regrant', 'granted', 'refused'],
  ] as const) {
    const id = uuid.safeParse(fields.get(name))
    if (id.success) {
      await decideRequests(ctx, { ...mine, ids: [id.data], decision, from })
      return null
    }
  }
  const leaving = uuid.safeParse(fields.get('remove'))
  if (leaving.success) {
    await removeFromLine(ctx, { ...mine, id: leaving.data })
    return null
  }
  const next = uuid.safeParse(fields.get('seat'))
  const workshop = ctx.workshops.workshops.get(slug)
  if (next.success && workshop) {
    const outcome = await letIn(ctx, workshop, { actor: `user:${actorUserId}`, id: next.data })
    const problem = letInProblem(outcome)
    return problem === null ? null : data({ problem, people: null }, { status: 409 })
  }
  switch (fields.get('intent') ?? '') {
    case 'grant-selected':
    case 'refuse-selected': {
      const ids = selectedRequests(fields)
      if (ids === null) throw badRequest()
      if (ids.length === 0)
        return data({ problem: 'Select somebody first.', people: null }, { status: 422 })
      const decision = fields.get('intent') === 'grant-selected' ? 'granted' : 'refused'
      await decideRequests(ctx, { ...mine, ids: ids.slice(0, maxPeople), decision, from: 'open' })
      return null
    }
    case 'grant-beforehand': {
      const form = parseFields(peopleForm, fields)
      if (!form.ok || form.value.people.split('\n').length > maxPeople)
        return peopleProblem(fields, `Write at most ${maxPeople} lines at once.`)
      if (form.value.people.trim() === '') return peopleProblem(fields, 'Write somebody first.')
      const outcome = await grantBeforehand(ctx, { ...mine, text: form.value.people })
      if (outcome.kind === 'refused')
        return peopleProblem(
          fields,
          `Nothing was changed: ${linesLabel(outcome.lines)} is neither a GitHub login nor an address.`,
        )
      return data({
        problem: null,
        people: { problem: null, text: '', done: grantedLabel(outcome) },
      })
    }
    case 'revoke-grant': {
      const form = parseFields(oneForm, fields)
      if (form.ok) await revokeGrant(ctx, { ...mine, id: form.value.id })
      return null
    }
    case 'make-link':
      return (await makeCodeLink(ctx, mine)) === null
        ? data({ problem: 'There are 20 links. Revoke one first.', people: null }, { status: 422 })
        : null
    case 'revoke-link': {
      const form = parseFields(oneForm, fields)
      if (form.ok) await revokeCodeLink(ctx, { ...mine, id: form.value.id })
      return null
    }
    default:
      throw badRequest()
  }
}

const peopleProblem = (fields: URLSearchParams, problem: string) =>
  data(
    { problem: null, people: { problem, text: fields.get('people') ?? '', done: null } },
    { status: 422 },
  )

export const meta: MetaFunction<typeof loader> = ({ data: page }) => [
  { title: `Who may come in: ${page?.title ?? ''} · Admin · Keymint` },
]

export default function AdminAccess() {
  const { slug, title, zone, mayAct, page, line, rules, links } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  const { asOf } = page
  return (
    <EventZoneProvider value={zone}>
      <AdminShell
        title={page.openCount > 0 ? `Who may come in: ${page.openCount} asking` : 'Who may come in'}
        back={{ to: adminWorkshopUrl(slug), label: title }}
      >
        <div className="flex flex-wrap items-center justify-between gap-x-6">
          <Rules rules={rules} />
          <LiveBar asOf={asOf} />
        </div>
        {answer?.problem ? (
          <div role="alert" className="mt-4">
            <Callout tone="error" title="Nothing was changed">
              <p>{answer.problem}</p>
            </Callout>
          </div>
        ) : null}
        <Section title="Requests" id="requests">
          <AccessRequests open={page.open} openCount={page.openCount} mayAct={mayAct} asOf={asOf} />
          <DecidedRequests decided={page.decided} mayAct={mayAct} asOf={asOf} />
        </Section>
        {line ? (
          <Section title="Waitlist" id="waitlist">
            <Waitlist line={line} mayAct={mayAct} asOf={asOf} />
          </Section>
        ) : null}
        {rules.code ? (
          <Section title="The code" id="code">
            <p className="mb-3">
              <a className="button" href={codeUrl(slug)}>
                Show the code
              </a>
            </p>
            <CodeLinks links={links} mayAct={mayAct} asOf={asOf} />
          </Section>
        ) : null}
        <Section title="Let in whatever the file says" id="grants">
          <p className="mb-3 max-w-read text-soft">
            They need no roster, domain, account age or code. Seats, the pool, a pause and bans hold
            for them too. Who has claimed keeps the key when you take this back.
          </p>
          <div className="space-y-6">
            {mayAct ? (
              <GrantBeforehand
                key={`${page.grantCount} ${answer?.people?.text ?? ''}`}
                problem={answer?.people?.problem ?? null}
                text={answer?.people?.text ?? ''}
                done={answer?.people?.done ?? null}
              />
            ) : null}
            <GrantList
              grants={page.grants}
              grantCount={page.grantCount}
              mayAct={mayAct}
              asOf={asOf}
            />
          </div>
        </Section>
      </AdminShell>
    </EventZoneProvider>
  )
}

function Rules({
  rules,
}: {
  rules: {
    domains: string[]
    roster: number | null
    minAccountAgeDays: number | null
    code: boolean
    listed: boolean
  }
}) {
  const rulesShown = [
    rules.domains.length > 0 ? `verified addresses of ${domainsLabel(rules.domains)}` : null,
    rules.roster === null ? null : `a roster of ${rules.roster.toLocaleString('en-US')}`,
    rules.minAccountAgeDays === null
      ? null
      : `GitHub accounts of ${Math.round(rules.minAccountAgeDays)} days or more`,
    rules.code ? 'a code that changes every minute' : null,
  ].filter((one) => one !== null)
  return (
    <p className="text-soft">
      {rulesShown.length === 0
        ? 'The file lets everybody in who can sign in.'
        : `The file asks for ${rulesShown.join('; ')}.`}
      {rules.listed ? '' : ' The workshop is in no list: people need its address.'}
    </p>
  )
}
