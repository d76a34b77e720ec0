import { ButtonLink } from './button'
import { PageShell } from './page-shell'
import { spanWords } from './time-words'

export type ErrorWords = { title: string; meaning: string; next: string; again: boolean }

/** What a failed page says, by what failed: what happened, what it means, what to do. */
export function errorWords(status: number, detail: string): ErrorWords {
  if (detail === 'database-unavailable') {
    return {
      title: 'We cannot reach our database.',
      meaning:
        'This is our fault and is usually over within a minute. A key or a claim you have is ' +
        'safe, and the making of keys goes on by itself.',
      next: 'Wait a few seconds, then try again.',
      again: true,
    }
  }
  if (status === 429) {
    const seconds = Number(/^too-many-requests:(\d+)$/.exec(detail)?.[1] ?? 60)
    return {
      title: 'That was too often.',
      meaning:
        'You, or many people behind your network’s address, have asked for this more often than ' +
        'we allow in a minute. What you asked for just now was not done; nothing you have is ' +
        'lost.',
      next: `Wait ${spanWords(seconds)}, then try again.`,
      again: true,
    }
  }
  if (status === 404)
    return {
      title: 'There is nothing here.',
      meaning: 'The address may be mistyped, or it belongs to somebody else.',
      next: 'Look at the address again, or start from the list of workshops.',
      again: false,
    }
  if (status === 403)
    return {
      title: 'This is not for you to do.',
      meaning:
        'The page or the form was refused. That happens when it was sent from another site, or ' +
        'with an account that may not do this.',
      next: 'Go back, reload the page and try again. If it stays, ask the organiser.',
      again: false,
    }
  if (status === 503)
    return {
      title: 'We are too busy for a moment.',
      meaning: 'Many people are here at once. Nothing you have claimed is lost.',
      next: 'Wait a few seconds, then try again.',
      again: true,
    }
  if (status >= 400 && status < 500)
    return {
      title: 'We could not read that request.',
      meaning: 'What your browser sent was not what this page expects, so nothing was done.',
      next: 'Go back, reload the page and try again.',
      again: true,
    }
  return {
    title: 'This page failed.',
    meaning:
      'The fault is ours, not yours, and it has been written down. A key or a claim you have is safe.',
    next: 'Try again. If it happens twice, show the reference below to the organiser.',
    again: true,
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
  const words = errorWords(status, detail)
  return (
    <PageShell title={words.title} lead={words.meaning}>
      <p className="mt-4">{words.next}</p>
      <div className="mt-8 flex flex-wrap gap-3">
        {words.again ? (
          <ButtonLink kind="ink" to="">
            Try again
          </ButtonLink>
        ) : null}
        <ButtonLink kind={words.again ? 'plain' : 'ink'} to="/">
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
