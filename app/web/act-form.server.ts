/** What staff ask for on the action page, as it stands in its URL and in its form. */
import type { ClaimAction, ClaimSelection } from '~/domain/claim/actions'
import { readFilter } from '~/domain/staff/claim-list'
import { formatUsd, nanoFromDecimalString, type NanoUsd } from '~/money'

export type Asked =
  | { kind: 'end' }
  | { kind: 'claims'; action: ClaimAction; selection: ClaimSelection }
  /** A value is missing or makes no sense: the page asks for it. */
  | { kind: 'needs'; need: 'limit' | 'expires'; problem: string | null; selection: ClaimSelection }
  | { kind: 'unclear'; problem: string }

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function readAsked(params: URLSearchParams): Asked {
  const action = params.get('action') ?? ''
  if (action === 'end') return { kind: 'end' }
  const claimIds = params.getAll('claim').filter((id) => uuid.test(id))
  if (params.get('all') !== 'yes' && claimIds.length === 0)
    return {
      kind: 'unclear',
      problem: 'No claim is ticked. Go back, tick some, or choose all that match.',
    }
  const selection: ClaimSelection =
    params.get('all') === 'yes' ? { filter: readFilter(params) } : { claimIds }
  switch (action) {
    case 'retry':
    case 'bind':
    case 'disable':
    case 'enable':
    case 're-issue':
      return { kind: 'claims', action: { kind: action }, selection }
    case 'revoke':
      return {
        kind: 'claims',
        action: { kind: 'revoke', mayClaimAgain: params.get('again') === 'yes' },
        selection,
      }
    case 'set-limit': {
      const text = params.get('limit')?.trim() ?? ''
      const limit = readAmount(text)
      return limit === null
        ? {
            kind: 'needs',
            need: 'limit',
            problem: text === '' ? null : 'That is no amount. Write 2 or 2.50.',
            selection,
          }
        : { kind: 'claims', action: { kind: 'set-limit', limit }, selection }
    }
    case 'extend': {
      const text = params.get('expires')?.trim() ?? ''
      const expiresAt = readUtc(text)
      return expiresAt === null
        ? {
            kind: 'needs',
            need: 'expires',
            problem: text === '' ? null : 'That is no date and time.',
            selection,
          }
        : { kind: 'claims', action: { kind: 'extend', expiresAt }, selection }
    }
    default:
      return { kind: 'unclear', problem: 'There is no such action.' }
  }
}

/** The question that the page asks. */
export function questionOf(action: ClaimAction, count: number): string {
  const keys = count === 1 ? 'the key' : `${count.toLocaleString('en-US')} keys`
  switch (action.kind) {
    case 'retry':
      return `Make ${keys} again?`
    case 'bind':
      return `Attach the limits of ${keys} again?`
    case 'disable':
      return `Disable ${keys}?`
    case 'enable':
      return `Enable ${keys}?`
    case 'set-limit':
      return `Set the cap of ${keys} to ${formatUsd(action.limit, { exact: true })}?`
    case 'revoke':
      return `Revoke ${keys}?`
    case 're-issue':
      return `Replace ${keys}?`
    case 'extend':
      return `Extend ${keys}?`
  }
}

/** A reason that staff need not give is still written down: where the action was asked for. */
export function reasonOf(params: URLSearchParams, action: ClaimAction | { kind: 'end' }): string {
  const reason = params.get('reason')?.trim() ?? ''
  return reason === '' && !needsReason(action) ? 'Asked for on the workshop’s page.' : reason
}

export const needsReason = (action: { kind: string }) =>
  ['revoke', 'set-limit', 'end'].includes(action.kind)

function readAmount(text: string): NanoUsd | null {
  const match = /^\$?\s*(\d{1,9}(?:\.\d{1,9})?)$/.exec(text)
  const limit = match?.[1] === undefined ? null : nanoFromDecimalString(match[1])
  return limit === 0n ? null : limit
}

function readUtc(text: string): Date | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text)) return null
  const at = new Date(`${text}Z`)
  return Number.isNaN(at.getTime()) ? null : at
}
