import { z } from 'zod'
import type { KeyFilter } from '~/domain/team/sub-key-view.server'
import { optionalText, parseFields } from './parse-form.server'

const filter = optionalText(200).catch(null)
const filterForm = z.object({
  q: filter,
  by: filter,
  service: filter,
  state: z.enum(['live', 'ended']).nullable().catch(null),
})

/** The filter of a list of keys, as it is in the address. */
export function keyFilterOf(request: Request): KeyFilter {
  const form = parseFields(filterForm, new URL(request.url).searchParams)
  if (!form.ok) return { text: null, holder: null, service: null, state: null }
  const { q, by, service, state } = form.value
  return { text: q, holder: by, service, state }
}

/** Which page of the keys that are over an address asks for; the first for anything odd. */
export function overPageOf(request: Request): number {
  const asked = new URL(request.url).searchParams.get('ended') ?? ''
  return /^[1-9]\d{0,4}$/.test(asked) ? Number(asked) : 1
}
