/**
 * The filter of the queue page as its address has it. Pure: pages and the browser share it.
 */
import { jobTabs, type QueueFilter, type ThroughputSpan } from './types'

/** How far back, as one picks it; it becomes a moment when the page is read. */
export const timeRanges = { '15m': 15 * 60, '1h': 3_600, '1d': 86_400, '7d': 7 * 86_400 } as const
export type TimeRange = keyof typeof timeRanges

export type QueueQuery = { filter: QueueFilter; within: TimeRange | null; span: ThroughputSpan }

/**
 * Reads what makes sense and leaves out the rest: an address that was cut off still opens a page.
 */
export function readQueueQuery(params: URLSearchParams, now: Date): QueueQuery {
  const text = (name: string) => params.get(name)?.trim().slice(0, 200) || undefined
  const tab = jobTabs.find((one) => one === params.get('tab')) ?? 'unfinished'
  const within =
    (Object.keys(timeRanges) as TimeRange[]).find((one) => one === params.get('within')) ?? null
  const runs = Number(params.get('runs') ?? '')
  const since = within
    ? new Date(now.getTime() - timeRanges[within] * 1000).toISOString()
    : moment(params.get('since'))
  const until = moment(params.get('until'))
  const [job, workshop, search, error, after] = [
    text('job'),
    text('workshop'),
    text('text'),
    text('error'),
    text('after'),
  ]
  return {
    within,
    span: params.get('span') === 'day' ? 'day' : 'hour',
    filter: {
      tab,
      ...(job ? { job } : {}),
      ...(workshop ? { workshop } : {}),
      ...(search ? { text: search } : {}),
      ...(error ? { error } : {}),
      ...(since ? { since } : {}),
      ...(until ? { until } : {}),
      ...(Number.isInteger(runs) && runs > 1 && runs <= 1_000_000 ? { runs } : {}),
      ...(after ? { after } : {}),
    },
  }
}

/**
 * True when something beyond tab and job narrows the list: the counts of the tabs then say nothing
 * about it.
 */
export function isNarrowed({ workshop, text, error, since, until, runs }: QueueFilter): boolean {
  return [workshop, text, error, since, until, runs].some((one) => one !== undefined)
}

/**
 * The search part of an address with some of it changed; an undefined value takes a name out.
 * Begins at the first page again.
 */
export function changedSearch(
  params: URLSearchParams,
  change: Record<string, string | undefined>,
): string {
  const kept = new URLSearchParams(params)
  for (const name of ['after', 'bulk']) if (!(name in change)) kept.delete(name)
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value === '' || (name === 'tab' && value === 'unfinished'))
      kept.delete(name)
    else kept.set(name, value)
  }
  for (const [name, value] of [...kept]) if (value === '') kept.delete(name)
  return kept.size > 0 ? `?${kept.toString()}` : ''
}

function moment(text: string | null): string | undefined {
  const time = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}
