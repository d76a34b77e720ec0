import { Link } from '@remix-run/react'
import type { Beginning } from '~/domain/team/beginning.server'
import { memberUrl, teamUrl } from '../../urls'

/** What a new team does first, in order, until it has its first key. */
export function BeginningList({
  slug,
  userId,
  beginning,
}: {
  slug: string
  /** Who reads it: an owner. */
  userId: string
  beginning: Beginning
}) {
  const steps = [
    {
      done: beginning.credential,
      to: teamUrl(slug, 'vault'),
      title: 'Add a credential',
      text: 'Keys are made with it. It stays sealed in the vault.',
    },
    {
      done: beginning.member,
      to: `${teamUrl(slug, 'members')}#invite`,
      title: 'Invite a member',
      text: 'An invitation can carry a budget. You can also do this later.',
    },
    {
      done: beginning.budget,
      to: `${memberUrl(slug, userId)}#change`,
      title: 'Set a budget',
      text: 'Begin with your own: a key is paid from the budget of who makes it.',
    },
    {
      done: false,
      to: teamUrl(slug, 'store'),
      title: 'Make the first key',
      text: 'It is ready within seconds.',
    },
  ]
  const next = steps.findIndex(({ done }) => !done)
  return (
    <ol className="max-w-read divide-y divide-rule border-y border-rule">
      {steps.map(({ done, to, title, text }, index) => (
        <li key={title} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3">
          <span className="min-w-0 flex-1 basis-56">
            <span className="block font-semibold">
              {index + 1}. {title}
              {done ? <span className="font-normal text-soft"> (done)</span> : null}
            </span>
            <span className="block text-small text-soft">{text}</span>
          </span>
          {done ? null : (
            <Link className="button" data-kind={index === next ? 'key' : undefined} to={to}>
              {title}
            </Link>
          )}
        </li>
      ))}
    </ol>
  )
}
