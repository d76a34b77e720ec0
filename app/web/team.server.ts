/**
 * Who may see which page of a team, and the few values its forms carry. To anybody outside, a team
 * does not exist.
 */
import { findMembership, type Membership } from '~/domain/team/team.server'
import type { Viewer } from '~/domain/people/session.server'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { notFound, type HandlerArgs } from './handler.server'
import { getViewer } from './session.server'

export type Insider = { viewer: Viewer; team: Membership }

/** Members and owners. Nobody is sent to sign in: that would say that there is such a team. */
export async function requireMember({ request, params, ctx, auth }: HandlerArgs): Promise<Insider> {
  const viewer = await getViewer({ request, ctx, auth })
  const team =
    viewer && !viewer.banned ? await findMembership(ctx, params.team ?? '', viewer.userId) : null
  if (!viewer || !team) throw notFound()
  return { viewer, team }
}

/** Active owners alone. */
export async function requireOwner(args: HandlerArgs): Promise<Insider> {
  const insider = await requireMember(args)
  if (insider.team.role !== 'owner' || insider.team.state !== 'active') throw notFound()
  return insider
}

/** The part of a membership that pages show. */
export const frameOf = ({ slug, name, role, state }: Membership) => ({ slug, name, role, state })

/**
 * "12", "12.5" or "12.50" dollars, at most a million; null for anything else. Zero only where
 * `orZero`.
 */
export function parseUsd(value: unknown, options: { orZero?: boolean } = {}): NanoUsd | null {
  if (typeof value !== 'string' || !/^\d{1,7}(\.\d{1,2})?$/.test(value.trim())) return null
  const amount = nanoFromDecimalString(value.trim())
  if (amount > nanoFromDecimalString('1000000') || (amount === 0n && !options.orZero)) return null
  return amount
}

/** Text from a form, trimmed; null when it is missing, empty or longer than `most`. */
export function parseText(value: unknown, most: number): string | null {
  const text = typeof value === 'string' ? value.trim() : ''
  return text.length > 0 && text.length <= most ? text : null
}

/** Which of a page's forms was sent. */
export function intentOf(form: FormData): string {
  const intent = form.get('intent')
  return typeof intent === 'string' ? intent : ''
}

const lives: Record<string, number> = { '1d': 1, '7d': 7, '30d': 30, '90d': 90, '365d': 365 }

/** When a key ends that is made now; null for an unknown choice. */
export function parseLife(value: unknown, now: Date): Date | null {
  const days = typeof value === 'string' ? lives[value] : undefined
  if (days !== undefined) return new Date(now.getTime() + days * 86_400_000)
  return value === 'month-end'
    ? new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1))
    : null
}
