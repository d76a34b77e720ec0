import { Link } from '@remix-run/react'
import type { KeyFilter } from '~/domain/team/sub-key-view.server'
import { teamUrl } from '../../urls'

/** Newer and older pages of the keys that are over, with the filter of the list. */
export function OverPages({
  slug,
  filter,
  page,
  more,
}: {
  slug: string
  filter: KeyFilter
  page: number
  more: boolean
}) {
  if (page === 1 && !more) return null
  const to = (other: number) => {
    const { text: q, holder: by, service, state } = filter
    const asked = Object.entries({ q, by, service, state, ended: other > 1 ? String(other) : null })
    const params = new URLSearchParams(
      asked.filter((entry): entry is [string, string] => entry[1] !== null),
    )
    const url = teamUrl(slug, 'my-keys')
    return params.size > 0 ? `${url}?${params.toString()}` : url
  }
  const link = 'inline-flex min-h-11 items-center prose-link'
  return (
    <nav aria-label="Ended keys" className="mt-6 flex flex-wrap items-center gap-x-4">
      <span className="text-small text-soft">Ended keys are shown 20 at a time, newest first.</span>
      {page > 1 ? (
        <Link className={link} to={to(page - 1)}>
          Newer
        </Link>
      ) : null}
      {more ? (
        <Link className={link} to={to(page + 1)}>
          Older ended keys
        </Link>
      ) : null}
    </nav>
  )
}
