import { data, redirect, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { Callout } from '~/components/base/callout'
import { PageShell, Section } from '~/components/base/page-shell'
import { PersonDownload, PersonErasure, PersonOptIn } from '~/components/claim/person-data'
import { PersonKeys } from '~/components/claim/person-keys'
import { PersonSessions, PersonSignIns } from '~/components/claim/person-sign-ins'
import { YourTeams } from '~/components/team/your-teams'
import { isNoticeCode, notices, type NoticeCode } from '~/components/claim/person-messages'
import { erasePerson } from '~/domain/people/erase.server'
import { findTwin } from '~/domain/people/join-accounts.server'
import { readPerson, unlinkSignIn, withdrawOptIn } from '~/domain/people/person.server'
import { endOtherSessions, endSessionOf, listSessions } from '~/domain/people/session.server'
import { listClaimsOf } from '~/domain/claim/claim-view.server'
import { giveBack } from '~/domain/claim/end-claim.server'
import { listTeamsOf } from '~/domain/team/team.server'
import { claimUrl, erasedUrl, meUrl } from '~/urls'
import { badRequest, handler } from '~/web/handler.server'
import { readFields } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { readSessionToken, requireViewer, sessionCookie } from '~/web/session.server'
import { providerNames } from '~/web/sign-in-problems'

export const loader = handler(async ({ request, ctx, auth }) => {
  const viewer = await requireViewer({ request, ctx, auth })
  const token = await readSessionToken(request, auth)
  const [person, twin, teams, sessions, claims] = await Promise.all([
    readPerson(ctx, viewer.userId),
    findTwin(ctx, viewer.userId),
    listTeamsOf(ctx, viewer.userId),
    listSessions(ctx, viewer.userId, token),
    listClaimsOf(ctx, viewer.userId),
  ])
  // Of unlisted workshops, too: these are the person's own.
  const titles = Object.fromEntries(
    [...ctx.workshops.workshops.values()]
      .filter(({ slug }) => claims.some(({ workshopSlug }) => workshopSlug === slug))
      .map(({ slug, title }) => [slug, title]),
  )
  const done = new URL(request.url).searchParams.get('done')
  return {
    person,
    twin,
    teams,
    sessions,
    titles,
    signedInWith: viewer.provider,
    claims: claims.map((claim) => ({
      claim,
      title: titles[claim.workshopSlug] ?? claim.workshopSlug,
      url: claimUrl(claim.workshopSlug),
    })),
    claimUrls: Object.fromEntries(
      claims.map(({ workshopSlug }) => [workshopSlug, claimUrl(workshopSlug)]),
    ),
    done: isNoticeCode(done) ? done : null,
    asOf: ctx.now().toISOString(),
  }
})

const formSchema = z.discriminatedUnion('intent', [
  z.object({ intent: z.literal('give-back'), claimId: z.uuid() }),
  z.object({ intent: z.literal('unlink'), provider: z.enum(['github', 'google']) }),
  z.object({ intent: z.literal('end-session'), label: z.string().regex(/^[0-9a-f]{12}$/) }),
  z.object({ intent: z.literal('end-others') }),
  z.object({ intent: z.literal('withdraw') }),
  z.object({ intent: z.literal('erase'), confirm: z.string().trim().toLowerCase() }),
])

export const action = handler(async ({ request, ctx, auth, ip }) => {
  const viewer = await requireViewer({ request, ctx, auth })
  await requireWithinLimit({ request, ctx, ip }, 'account', viewer)
  const { userId } = viewer
  const form = formSchema.safeParse(Object.fromEntries(await readFields(request)))
  if (!form.success) throw badRequest()
  switch (form.data.intent) {
    case 'give-back':
      return answer(await giveBack(ctx, { claimId: form.data.claimId, userId }))
    case 'unlink':
      return answer(
        await unlinkSignIn(ctx, {
          userId,
          provider: form.data.provider,
          signedInWith: viewer.provider,
        }),
      )
    case 'end-session':
      return answer(
        (await endSessionOf(ctx, { userId, label: form.data.label }))
          ? 'session-ended'
          : 'nothing-to-end',
      )
    case 'end-others': {
      const keepToken = await readSessionToken(request, auth)
      return answer(
        keepToken && (await endOtherSessions(ctx, { userId, keepToken })) > 0
          ? 'others-ended'
          : 'nothing-to-end',
      )
    }
    case 'withdraw':
      return answer((await withdrawOptIn(ctx, userId), 'withdrawn'))
    case 'erase': {
      if (form.data.confirm !== 'delete') return answer('not-confirmed')
      const outcome = await erasePerson(ctx, { userId, because: 'asked' })
      // The page itself lists what blocks the deletion.
      if (outcome.kind === 'blocked') return data({ problem: null }, { status: 409 })
      return redirect(erasedUrl, {
        status: 303,
        headers: { 'Set-Cookie': await sessionCookie(auth).serialize('', { maxAge: 0 }) },
      })
    }
  }
})

/** Done: back to the page, which says so. Not done: the same page at once, with the reason. */
function answer(code: NoticeCode) {
  const status = { ok: 303, plain: 303, warning: 409 }[notices[code].tone]
  return status === 303 ? redirect(meUrl(code), 303) : data({ problem: code }, { status })
}

export const meta: MetaFunction = () => [{ title: 'Your keys and your data · Keymint' }]

export default function Me() {
  const { person, twin, teams, sessions, titles, claims, claimUrls, signedInWith, done, asOf } =
    useLoaderData<typeof loader>()
  const problem = useActionData<typeof action>()?.problem ?? null
  const notice = problem ?? done
  // Whoever has teams and no key of a workshop came for a team.
  const teamsFirst = teams.length > 0 && claims.length === 0
  const yourTeams = (
    <Section title="Your teams" id="teams">
      <YourTeams teams={teams} />
    </Section>
  )
  return (
    <PageShell
      title="Your keys"
      back={{ to: '/', label: 'All workshops' }}
      lead={
        <p className="[overflow-wrap:anywhere]">
          {person.displayName}, signed in with {providerNames[signedInWith]}
          {person.email ? `, ${person.email}` : ', without a verified email'}
        </p>
      }
    >
      {notice ? (
        <div role="status" className="mt-6">
          <Callout tone={notices[notice].tone} title={notices[notice].title}>
            <p>{notices[notice].meaning}</p>
          </Callout>
        </div>
      ) : null}
      {teamsFirst ? yourTeams : null}
      <div className="mt-8">
        <h2 className={teamsFirst ? 'mb-4 text-head' : 'sr-only'}>
          {teamsFirst ? 'Keys of workshops' : 'Keys'}
        </h2>
        <PersonKeys claims={claims} />
      </div>
      {teamsFirst ? null : yourTeams}
      <Section title="How you sign in" id="sign-ins">
        <PersonSignIns
          signIns={person.signIns}
          email={person.email}
          current={signedInWith}
          twin={twin}
          asOf={asOf}
        />
      </Section>
      <Section title="Where you are signed in" id="sessions">
        <PersonSessions sessions={sessions} asOf={asOf} />
      </Section>
      <Section title="Email updates" id="news">
        <PersonOptIn optIn={person.optIn} titles={titles} asOf={asOf} />
      </Section>
      <Section title="Your data" id="data">
        <PersonDownload />
      </Section>
      <Section title="Delete my account" id="erase">
        <PersonErasure blocks={person.erasureBlocks} titles={titles} claimUrls={claimUrls} />
      </Section>
    </PageShell>
  )
}
