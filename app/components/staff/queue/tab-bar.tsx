import { Link } from '@remix-run/react'
import { jobTabs, type CappedCount, type JobTab } from '~/domain/staff/queue/types'
import { tabLink } from '../../base/nav-classes'
import { countLabel, tabLabels } from './job-messages'

/**
 * States as tabs. Counts are of the whole queue, or of one job; a narrower filter hides them, as they
 * would not match the list.
 */
export function TabBar({
  current,
  counts,
  hrefOf,
}: {
  current: JobTab
  counts: Record<JobTab, CappedCount> | null
  hrefOf: (tab: JobTab) => string
}) {
  return (
    <nav aria-label="States of jobs" className="mt-6 border-b border-rule">
      <ul className="flex gap-1 overflow-x-auto">
        {jobTabs
          .filter((tab) => tab !== 'dead' || current === 'dead' || (counts?.dead.count ?? 1) > 0)
          .map((tab) => (
            <li key={tab}>
              <Link
                to={hrefOf(tab)}
                preventScrollReset
                aria-current={tab === current ? 'page' : undefined}
                className={tabLink}
              >
                {tabLabels[tab]}
                {counts ? (
                  <span className="text-small font-normal">{countLabel(counts[tab])}</span>
                ) : null}
              </Link>
            </li>
          ))}
      </ul>
    </nav>
  )
}
