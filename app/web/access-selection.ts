/** Which requests a press on the page of "Who may come in" means. */
import { z } from 'zod'
import { many, parseFields, uuid } from './parse-form.server'

const selectionForm = z.object({ id: many(uuid), shown: many(uuid), all: z.string() })

/**
 * "All" are those that the page showed: whoever has asked since was not read by anybody. Null for
 * what no form of ours sends.
 */
export function selectedRequests(fields: URLSearchParams): string[] | null {
  const form = parseFields(selectionForm, fields)
  if (!form.ok) return null
  return form.value.all === 'yes' ? form.value.shown : form.value.id
}
