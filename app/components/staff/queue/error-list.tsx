import { numberText } from '~/messages/text'
import { Link } from '@remix-run/react'
import { Ago } from '../../base/time'
import { countLabel } from './job-messages'
import { jobLabel } from '~/messages/jobs'
import type { ErrorGroupView } from './view-types'
import { jobUrl } from '../../../urls'

const line = 'grid gap-x-6 gap-y-1 px-2 py-2 text-small md:grid-cols-[1fr_auto]'

/** The errors of the last day, each once, however many jobs it hit. */
export function ErrorList({
  groups,
  current,
  linkTo,
  asOf,
}: {
  groups: ErrorGroupView[]
  current: string | undefined
  linkTo: (fingerprint: string | undefined) => string
  asOf: string
}) {
  if (groups.length === 0) return null
  return (
    <section aria-labelledby="errors" className="mt-8">
      <h2 id="errors" className="text-lead font-semibold">
        Errors of the last day
      </h2>
      <ul className="mt-2 divide-y divide-rule border-y border-rule">
        {groups.map((group) => (
          <li
            key={group.fingerprint}
            className={`${line} ${group.fingerprint === current ? 'bg-sunk' : ''}`}
          >
            <div className="min-w-0">
              <Link
                preventScrollReset
                to={linkTo(group.fingerprint === current ? undefined : group.fingerprint)}
                aria-current={group.fingerprint === current ? 'true' : undefined}
                className="inline-block py-1 font-semibold prose-link text-brick-ink"
              >
                {group.title}
              </Link>
              {group.fingerprint === current ? (
                <span className="text-soft">
                  {' '}
                  The list shows only these; click again to show all.
                </span>
              ) : null}
              <p className="text-soft">
                {group.jobNames.map(jobLabel).join(', ')}. Last: “{group.sampleMessage}” (
                <a className="prose-link" href={jobUrl(group.sampleJobId)}>
                  a sample
                </a>
                )
              </p>
            </div>
            <div className="flex flex-wrap gap-x-4 md:block md:text-right">
              <p className="font-semibold">
                {group.jobsNow.count === 0
                  ? 'no job affected now'
                  : `${countLabel(group.jobsNow)} ${group.jobsNow.count === 1 ? 'job' : 'jobs'} now`}
              </p>
              <p className="text-soft">
                {numberText(group.count)} {group.count === 1 ? 'time' : 'times'}, first{' '}
                <Ago iso={group.firstSeen} asOf={asOf} />, last{' '}
                <Ago iso={group.lastSeen} asOf={asOf} />
              </p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  )
}
