import { ButtonLink } from './button'
import { PageShell } from './page-shell'
import { spanText } from './time-text'

type ErrorMessage = { title: string; meaning: string; next: string; retryable: boolean }

/** What a failed page says: what happened, what it means, what to do. */
export function errorMessage(status: number, detail: string): ErrorMessage {
  if (detail === 'database-unavailable') {
    return {
      title: 'We cannot reach our database',
      meaning:
        'This is our fault and usually over within a minute. Your keys and claims are safe, ' +
        'and your key is still on its way.',
      next: 'Wait a few seconds, then try again.',
      retryable: true,
    }
  }
  if (detail === 'team-closed')
    return {
      title: 'This team is closed',
      meaning: 'Its owners have closed it for good, so nothing can be changed in it any more.',
      next: 'Its pages still show what was spent. Nothing has changed now.',
      retryable: false,
    }
  if (status === 429) {
    const seconds = Number(/^too-many-requests:(\d+)$/.exec(detail)?.[1] ?? 60)
    return {
      title: 'Too many attempts',
      meaning:
        'You, or others on your network, have tried this too often in the last minute. ' +
        'This attempt changed nothing.',
      next: `Wait ${spanText(seconds)}, then try again.`,
      retryable: true,
    }
  }
  if (status === 404)
    return {
      title: 'Page not found',
      meaning: 'The address may be mistyped, or the page belongs to somebody else.',
      next: 'Check the address, or start from the list of workshops.',
      retryable: false,
    }
  if (status === 403)
    return {
      title: 'You don’t have access to this',
      meaning: 'We refused this because of your account, or because it came from another site.',
      next: 'Go back, reload the page and try again. If it happens again, ask the organiser.',
      retryable: false,
    }
  if (status === 503)
    return {
      title: 'We are too busy at the moment',
      meaning: 'Many people are here at once. Your keys and claims are safe.',
      next: 'Wait a few seconds, then try again.',
      retryable: true,
    }
  if (status >= 400 && status < 500)
    return {
      title: 'We could not read that request',
      meaning: 'Your browser sent something that this page does not expect. Nothing has changed.',
      next: 'Go back, reload the page and try again.',
      retryable: true,
    }
  return {
    title: 'This page failed',
    meaning: 'This is our fault, and we have logged it. Your keys and claims are safe.',
    next: 'Try again. If it happens twice, give the organiser the reference below.',
    retryable: true,
  }
}

export function ErrorPage({
  status,
  detail,
  reference,
}: {
  status: number
  detail: string
  reference: string | null
}) {
  const message = errorMessage(status, detail)
  return (
    <PageShell title={message.title} lead={message.meaning}>
      <p className="mt-4">{message.next}</p>
      <div className="mt-8 flex flex-wrap gap-3">
        {message.retryable ? (
          <ButtonLink kind="ink" to="">
            Try again
          </ButtonLink>
        ) : null}
        <ButtonLink kind={message.retryable ? 'plain' : 'ink'} to="/">
          See all workshops
        </ButtonLink>
      </div>
      {reference && status !== 404 ? (
        <p className="mt-10 text-small text-soft">
          Reference: <code className="font-mono [overflow-wrap:anywhere]">{reference}</code>
        </p>
      ) : null}
    </PageShell>
  )
}
