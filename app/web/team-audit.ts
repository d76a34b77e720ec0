import { z } from 'zod'
import type { TeamAuditFilter } from '~/domain/team/audit-view.server'
import { optionalText, parseFields } from './parse-form.server'

const filter = optionalText(200).catch(null)
const filterForm = z.object({ about: filter, by: filter, before: filter })

/** The filter of the audit page, as it is in the address. */
export function auditFilterOf(request: Request): TeamAuditFilter {
  const form = parseFields(filterForm, new URL(request.url).searchParams)
  return form.ok ? form.value : { about: null, by: null, before: null }
}
