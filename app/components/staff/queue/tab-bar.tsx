import { Link } from '@remix-run/react'
import { tabWords } from '~/domain/staff/queue/filter'
import { jobTabs, type CappedCount, type JobTab } from '~/domain/staff/queue/types'
import { countWords } from './job-words'

/**
 * States as tabs. Counts are of the whole queue (or of one job): with a narrower filter they would
 * say something else, and are left out.
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
                className="inline-flex min-h-11 items-center gap-1.5 border-b-2 border-transparent px-2 whitespace-nowrap text-soft hover:text-ink aria-[current=page]:border-ink aria-[current=page]:font-semibold aria-[current=page]:text-ink"
              >
                {tabWords[tab]}
                {counts ? (
                  <span className="text-small font-normal">{countWords(counts[tab])}</span>
                ) : null}
              </Link>
            </li>
          ))}
      </ul>
    </nav>
  )
}
