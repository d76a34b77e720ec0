/**
 * The list of a workshop's claims: how it is asked for in the URL, and what a row shows. Nothing
 * here knows the database.
 */
import type { ClaimFilter } from '../claim/actions'
import type { MoneyView } from '../money-view'
import { cut } from '~/text'

export const claimStates = ['pending', 'ready', 'ended', 'refused'] as const satisfies NonNullable<
  ClaimFilter['state']
>[]
export const claimFacts = [
  'unbound',
  'disabled',
  'missing',
  'over-limit',
] as const satisfies NonNullable<ClaimFilter['fact']>[]
export const claimSorts = ['newest', 'oldest', 'used', 'name'] as const
export type ClaimSort = (typeof claimSorts)[number]

export type ClaimListQuery = {
  filter: ClaimFilter
  sort: ClaimSort
  cursor: { direction: 'after' | 'before'; at: string } | null
}

export type ClaimPageRow = {
  claimId: string
  reference: string
  displayName: string
  email: string | null
  provider: string
  state: 'pending' | 'ready' | 'ended' | 'refused'
  reason: string | null
  reasonDetail: string | null
  /** Since when its key is being made, and what delays it; null where it does not wait. */
  waitingSince: string | null
  delayReason: string | null
  generation: number
  bound: boolean
  bindError: string | null
  setAside: boolean
  disabled: boolean
  /** It was spending too fast. */
  onHold: boolean
  missing: boolean
  keyLabel: string | null
  /** In all, and in the present window of a cap that resets; null until the first reading. */
  usage: MoneyView | null
  windowUsed: MoneyView | null
  usageAsOf: string | null
  limit: MoneyView
  limitReset: 'daily' | 'weekly' | 'monthly' | null
  expiresAt: string
  attendedAt: string
}

const longestText = 200

/** What a URL asks for; what it says that makes no sense is left out. */
export function readListQuery(params: URLSearchParams): ClaimListQuery {
  const after = params.get('after')
  const before = params.get('before')
  return {
    filter: readFilter(params),
    sort: claimSorts.find((sort) => sort === params.get('sort')) ?? 'newest',
    cursor: after
      ? { direction: 'after', at: after }
      : before
        ? { direction: 'before', at: before }
        : null,
  }
}

export function readFilter(params: URLSearchParams): ClaimFilter {
  const state = claimStates.find((one) => one === params.get('state'))
  const fact = claimFacts.find((one) => one === params.get('fact'))
  // Postgres knows no zero byte.
  const text = cut(params.get('text')?.trim() ?? '', longestText)
  return { ...(state ? { state } : {}), ...(fact ? { fact } : {}), ...(text ? { text } : {}) }
}

/** The same, back as the query part of a URL: "" or "?state=ready&sort=used". */
export function listQueryString(query: {
  filter: ClaimFilter
  sort?: ClaimSort
  cursor?: ClaimListQuery['cursor']
}): string {
  const params = new URLSearchParams()
  const { state, fact, text } = query.filter
  if (state) params.set('state', state)
  if (fact) params.set('fact', fact)
  if (text) params.set('text', text)
  if (query.sort && query.sort !== 'newest') params.set('sort', query.sort)
  if (query.cursor) params.set(query.cursor.direction, query.cursor.at)
  return params.size > 0 ? `?${params.toString()}` : ''
}
