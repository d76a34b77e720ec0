/** The way in for who is refused: to ask the organiser, and what became of it. */
import { useEffect } from 'react'
import { readPolled, watch } from '~/client/poll'
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
    const watcher = watch<Answer>({
      firstDelayMs: 4_000 + 2_000 * Math.random(),
      ask: async (signal) =>
        readPolled(
          await fetch(askStatusUrl(slug), {
            signal,
            cache: 'no-store',
            headers: { Accept: 'application/json' },
          }),
          isAnswer,
        ),
      isHidden: () => document.hidden,
      random: Math.random,
      onWatch: ({ pulse }) => {
        if (pulse && pulse.state !== 'open') location.reload()
      },
      onGone: () => location.reload(),
    })
    const wake = () => watcher.wake()
    document.addEventListener('visibilitychange', wake)
    addEventListener('online', wake)
    return () => {
      watcher.stop()
      document.removeEventListener('visibilitychange', wake)
      removeEventListener('online', wake)
    }
  }, [slug])
  return null
}
