import { spans, type SpanName } from '~/domain/operations/spans'

const words: Record<SpanName, string> = { hour: 'An hour', day: 'A day', week: 'A week' }

export function readSpan(params: URLSearchParams): SpanName {
  return (Object.keys(spans) as SpanName[]).find((span) => span === params.get('span')) ?? 'hour'
}

/** Links to the same page with each span, keeping what else its URL says. */
export function spanLinks(path: string, params: URLSearchParams) {
  const current = readSpan(params)
  return (Object.keys(spans) as SpanName[]).map((name) => {
    const kept = new URLSearchParams(params)
    kept.delete('span')
    if (name !== 'hour') kept.set('span', name)
    return {
      name,
      words: words[name],
      href: kept.size > 0 ? `${path}?${kept.toString()}` : path,
      current: name === current,
    }
  })
}
