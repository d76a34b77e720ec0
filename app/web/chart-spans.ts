/** The span of a page's charts, as its URL has it. */
import { spans, type SpanName } from '~/domain/operations/spans'

const labels: Record<SpanName, string> = { hour: 'Hour', day: 'Day', week: 'Week' }

export function readSpan(params: URLSearchParams): SpanName {
  return (Object.keys(spans) as SpanName[]).find((span) => span === params.get('span')) ?? 'hour'
}

/** Links to the same page with each span; the rest of the URL stays. */
export function spanLinks(path: string, params: URLSearchParams) {
  const current = readSpan(params)
  return (Object.keys(spans) as SpanName[]).map((name) => {
    const kept = new URLSearchParams(params)
    kept.delete('span')
    if (name !== 'hour') kept.set('span', name)
    return {
      name,
      label: labels[name],
      href: kept.size > 0 ? `${path}?${kept.toString()}` : path,
      current: name === current,
    }
  })
}
