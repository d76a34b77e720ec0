import { data, redirect, type HeadersFunction, type MetaFunction } from '@remix-run/node'
import { useActionData, useLoaderData } from '@remix-run/react'
import { z } from 'zod'
import { PageShell } from '~/components/base/page-shell'
import { isSetupNotice, type SetupNoticeCode } from '~/components/claim/setup-messages'
import { Decide, EnterCode, SetupNoticeBox, type SetupChoice } from '~/components/claim/setup-page'
import {
  approveSetup,
  findSetup,
  listSetupKeys,
  refuseSetup,
  type SetupAsked,
} from '~/domain/claim/setup.server'
import type { Ctx } from '~/domain/ctx'
import { meUrl, setupUrl } from '~/urls'
import { badRequest, handler } from '~/web/handler.server'
import { readFields, uuid } from '~/web/parse-form.server'
import { requireWithinLimit } from '~/web/rate-limit.server'
import { requireViewer } from '~/web/session.server'

// The page may hold a code that still counts. A form of a page without any referrer names no origin,
// and browsers that send no Sec-Fetch-Site would be refused.
const noStore = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'same-origin' }
export const headers: HeadersFunction = () => noStore

export const loader = handler(async ({ request, ctx, auth }) => {
  await requireViewer({ request, ctx, auth })
  const done = new URL(request.url).searchParams.get('done')
  return data(
    {
      done: done === 'approved' || done === 'refused-now' ? done : null,
      asOf: ctx.now().toISOString(),
    },
    { headers: noStore },
  )
})

const code = z.string().max(1_000)
const formSchema = z.discriminatedUnion('intent', [
  z.object({ intent: z.literal('find'), code }),
  z.object({ intent: z.literal('approve'), code, claim: uuid }),
  z.object({ intent: z.literal('refuse'), code }),
])

type Answer = {
  notice: SetupNoticeCode | null
  typed: string
  /** What asks, while it waits for a decision. */
  found: { asked: SetupAsked; choices: SetupChoice[] } | null
}

/** Typing a code and deciding on one are counted alike: few, so that nobody guesses one. */
export const action = handler(async ({ request, ctx, auth, ip }) => {
  const viewer = await requireViewer({ request, ctx, auth })
  await requireWithinLimit({ request, ctx, ip }, 'setup-code', viewer)
  const form = formSchema.safeParse(Object.fromEntries(await readFields(request)))
  if (!form.success) throw badRequest()
  const typed = form.data.code
  const owner = { code: typed, userId: viewer.userId }
  switch (form.data.intent) {
    case 'find':
      return find(ctx, owner, null)
    case 'approve': {
      const outcome = await approveSetup(ctx, { ...owner, claimId: form.data.claim })
      if (outcome.kind === 'approved') return redirect(`${setupUrl}?done=approved`, 303)
      // Another key may still be chosen.
      return find(ctx, owner, outcome.kind)
    }
    case 'refuse': {
      const outcome = await refuseSetup(ctx, owner)
      if (outcome.kind === 'refused-now') return redirect(`${setupUrl}?done=refused-now`, 303)
      return answer({ notice: outcome.kind, typed, found: null })
    }
  }
})

async function find(
  ctx: Ctx,
  owner: { code: string; userId: string },
  problem: SetupNoticeCode | null,
) {
  const outcome = await findSetup(ctx, owner)
  if (outcome.kind !== 'waiting')
    return answer({ notice: outcome.kind, typed: owner.code, found: null })
  const keys = await listSetupKeys(ctx, owner.userId)
  const choices = keys.map((key) => ({
    ...key,
    title: ctx.workshops.workshops.get(key.workshopSlug)?.title ?? key.workshopSlug,
  }))
  return answer({
    notice: problem,
    typed: owner.code,
    found: { asked: outcome.asked, choices },
  })
}

const answer = (value: Answer) =>
  data(value, { status: value.notice === null ? 200 : 409, headers: noStore })

export const meta: MetaFunction = () => [{ title: 'Set up a tool · Keymint' }]

export default function Setup() {
  const { done, asOf } = useLoaderData<typeof loader>()
  const acted = useActionData<typeof action>()
  const notice = acted ? acted.notice : isSetupNotice(done) ? done : null
  return (
    <PageShell
      title={acted?.found ? 'Does this computer get your key?' : 'Set up a tool'}
      back={{ to: meUrl(), label: 'Your keys' }}
      lead={
        acted?.found ? null : (
          <p>Your terminal shows a code. Type it here, and the tool gets your key.</p>
        )
      }
    >
      {notice ? <SetupNoticeBox code={notice} /> : null}
      {acted?.found ? (
        <Decide {...acted.found} code={acted.typed} asOf={asOf} />
      ) : done && !acted ? null : (
        <EnterCode typed={acted?.typed ?? ''} />
      )}
      {done && !acted ? (
        <p className="mt-6">
          <a className="prose-link" href={setupUrl}>
            Set up another tool
          </a>
        </p>
      ) : null}
    </PageShell>
  )
}
