/** The action of the action page, as its URL and its form have it. */
import { z } from 'zod'
import type { ClaimAction, ClaimSelection } from '~/domain/claim/actions'
import { zoneOffsetMinutes } from '~/domain/workshop/moment'
import { readFilter } from '~/domain/staff/claim-list'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { many, parseFields, uuid } from './parse-form.server'

export type ActRequest =
  | { kind: 'end' }
  | { kind: 'claims'; action: ClaimAction; selection: ClaimSelection }
  /** A value is missing or invalid: the page asks for it. */
  | { kind: 'needs'; need: 'limit' | 'expires'; problem: string | null; selection: ClaimSelection }
  | { kind: 'unclear'; problem: string }

const yes = z.string().transform((value) => value === 'yes')

const actions = z.enum([
  'end',
  'retry',
  'bind',
  'try-now',
  'disable',
  'enable',
  're-issue',
  'revoke',
  'set-limit',
  'extend',
])

const actFields = z.object({
  action: actions,
  claim: many(z.string()),
  all: yes,
  mayClaimAgain: yes,
  limit: z.string().trim(),
  expires: z.string().trim(),
})

/** `zone` is the workshop's: an end is entered in it. */
export function readActRequest(params: URLSearchParams, zone: string): ActRequest {
  const fields = parseFields(actFields, params)
  if (!fields.ok) return { kind: 'unclear', problem: 'This action does not exist.' }
  const { action, all, mayClaimAgain, limit: limitText, expires: expiresText } = fields.value
  if (action === 'end') return { kind: 'end' }
  const claimIds = fields.value.claim.filter((id) => uuid.safeParse(id).success)
  if (!all && claimIds.length === 0)
    return {
      kind: 'unclear',
      problem: 'No claim is selected. Go back and select some, or all that match.',
    }
  const selection: ClaimSelection = all ? { filter: readFilter(params) } : { claimIds }
  switch (action) {
    case 'retry':
    case 'bind':
    case 'try-now':
    case 'disable':
    case 'enable':
    case 're-issue':
      return { kind: 'claims', action: { kind: action }, selection }
    case 'revoke':
      return { kind: 'claims', action: { kind: 'revoke', mayClaimAgain }, selection }
    case 'set-limit': {
      const limit = readAmount(limitText)
      if (limit !== null) return { kind: 'claims', action: { kind: 'set-limit', limit }, selection }
      const problem = limitText === '' ? null : 'Enter an amount, such as 2 or 2.50.'
      return { kind: 'needs', need: 'limit', problem, selection }
    }
    case 'extend': {
      const expiresAt = readLocal(expiresText, zone)
      if (expiresAt !== null)
        return { kind: 'claims', action: { kind: 'extend', expiresAt }, selection }
      const problem = expiresText === '' ? null : 'Enter a date and a time.'
      return { kind: 'needs', need: 'expires', problem, selection }
    }
  }
}

/** An optional reason that is left out is still recorded: where the action was requested. */
export function reasonOf(params: URLSearchParams, action: ClaimAction | { kind: 'end' }): string {
  const reason = params.get('reason')?.trim() ?? ''
  return reason === '' && !needsReason(action) ? 'Requested on the workshop’s page.' : reason
}

/**
 * What stops many keys is typed to confirm: the workshop's name in addresses. One claim alone needs
 * no more than a press.
 */
export const needsTyping = (wanted: ActRequest): boolean =>
  wanted.kind === 'end' ||
  (wanted.kind === 'claims' &&
    (wanted.action.kind === 'revoke' || wanted.action.kind === 'disable') &&
    (!('claimIds' in wanted.selection) || wanted.selection.claimIds.length > 1))

export const needsReason = (action: { kind: string }) =>
  ['revoke', 'set-limit', 'end'].includes(action.kind)

function readAmount(text: string): NanoUsd | null {
  const match = /^\$?\s*(\d{1,9}(?:\.\d{1,9})?)$/.exec(text)
  const limit = match?.[1] === undefined ? null : nanoFromDecimalString(match[1])
  return limit === 0n ? null : limit
}

function readLocal(text: string, zone: string): Date | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text)) return null
  const local = Date.parse(`${text}Z`)
  return Number.isNaN(local) ? null : new Date(local - zoneOffsetMinutes(zone, local) * 60_000)
}
