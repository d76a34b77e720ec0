/** The trail's filter as the URL has it, and the addresses made from it. */
import { z } from 'zod'
import { adminWorkshopUrl, auditExportUrl as exportUrl, auditUrl as trailUrl, jobUrl } from '~/urls'
import type { AuditCursor, AuditFilter } from '~/domain/audit/read.server'

const text = z
  .string()
  .trim()
  .max(200)
  .optional()
  .transform((value) => value || undefined)
const eventId = z
  .string()
  .regex(/^\d{1,18}$/)
  .optional()
  .catch(undefined)
const querySchema = z.object({
  id: text,
  actor: text,
  action: text,
  subject: text,
  workshop: text,
  from: text,
  to: text,
  before: eventId,
  after: eventId,
})

export type AuditQuery = {
  filter: AuditFilter
  cursor: AuditCursor
  /** The fields as they were typed, for the form. */
  typed: Partial<Record<'id' | 'actor' | 'action' | 'subject' | 'workshop' | 'from' | 'to', string>>
  problems: string[]
}

/**
 * Reads the query. What cannot be read is left out of the filter and named among the problems,
 * never ignored in silence.
 */
export function readAuditQuery(url: URL): AuditQuery {
  const parsed = querySchema.safeParse(Object.fromEntries(url.searchParams))
  if (!parsed.success)
    return {
      filter: {},
      cursor: null,
      typed: {},
      problems: ['The filter is too long, so all events are shown.'],
    }
  const { before, after, ...typed } = parsed.data
  const problems: string[] = []
  const timeOf = (name: 'from' | 'to') => {
    const value = typed[name]
    const time = value === undefined ? undefined : utcTime(value, name)
    if (time === null)
      problems.push(`“${value}” is not a time. Enter it as 2026-04-14 or 2026-04-14T08:30, in UTC.`)
    return time ?? undefined
  }
  const { id, actor, action, subject, workshop } = typed
  const filter: AuditFilter = {
    id,
    actor,
    action,
    subject,
    workshop,
    from: timeOf('from'),
    to: timeOf('to'),
  }
  return { filter, cursor: before ? { before } : after ? { after } : null, typed, problems }
}

/** A day without a time means its beginning for "from", and its end for "to". */
function utcTime(value: string, side: 'from' | 'to'): Date | null {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?$/.test(value)) return null
  const whole =
    value.length === 10
      ? `${value}T${side === 'from' ? '00:00:00' : '23:59:59.999'}`
      : value.replace(/Z$/, '')
  const time = new Date(`${whole}Z`)
  return Number.isNaN(time.getTime()) ? null : time
}

export function auditUrl(query: AuditQuery['typed'] & { before?: string; after?: string }): string {
  return withQuery(trailUrl, query)
}

export function auditExportUrl(query: AuditQuery['typed'], format: 'csv' | 'jsonl'): string {
  return withQuery(exportUrl, { ...query, format })
}

function withQuery(path: string, query: Record<string, string | undefined>): string {
  const params = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  )
  return params.size > 0 ? `${path}?${params.toString()}` : path
}

/** The page of the subject, if it has one. */
export function subjectUrl(subject: string, workshopSlug: string | null): string | null {
  const [kind, id = ''] = subject.split(/:(.*)/s)
  if (kind === 'claim' && workshopSlug)
    return withQuery(adminWorkshopUrl(encodeURIComponent(workshopSlug)), { text: id })
  if (kind === 'job') return jobUrl(encodeURIComponent(id))
  return null
}
