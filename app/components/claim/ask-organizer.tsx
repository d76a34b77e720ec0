/** The way in for who is refused: to ask the organiser, and what became of it. */
import { useEffect } from 'react'
import { watchPage } from '~/client/watch-page'
import type { OwnRequest } from '~/domain/claim/access.server'
import { askStatusUrl, askUrl } from '~/urls'
import { ButtonLink } from '../base/button'
import { Callout } from '../base/callout'

export type AskState = Pick<OwnRequest, 'state'> | null

/** Beside a refusal. An open request keeps an eye on its answer. */
export function AskOrganizer({ slug, request }: { slug: string; request: AskState }) {
  if (request?.state === 'open')
    return (
      <Callout tone="plain" title="You have asked the organiser">
        <p>As soon as they let you in, this page shows the button by itself.</p>
        <p>
          <a className="prose-link" href={askUrl(slug)}>
            See your request
          </a>
        </p>
        <AnswerWatch slug={slug} />
      </Callout>
    )
  return (
    <div>
      {request?.state === 'refused' ? (
        <p className="mb-2">The organiser has refused your last request.</p>
      ) : null}
      <ButtonLink to={askUrl(slug)}>
        {request?.state === 'refused' ? 'Ask again' : 'Ask the organiser to let you in'}
      </ButtonLink>
    </div>
  )
}

type Answer = { state: string; next: number | null }

const isAnswer = (body: unknown): body is Answer =>
  typeof body === 'object' && body !== null && 'state' in body && 'next' in body

/** Loads the page again when the request is no longer open. */
export function AnswerWatch({ slug }: { slug: string }) {
  useEffect(() => {
    return watchPage<Answer>({
      url: askStatusUrl(slug),
      firstDelayMs: 4_000 + 2_000 * Math.random(),
      isOurs: isAnswer,
      onWatch: ({ pulse }) => {
        if (pulse && pulse.state !== 'open') location.reload()
      },
    })
  }, [slug])
  return null
}
