/** Who may see which page of a team. For everybody else the team does not exist. */
import { findMembership, type Membership } from '~/domain/team/team.server'
import { mayHandleMoney, mayHoldKeys } from '~/domain/money/roles'
import type { Viewer } from '~/domain/people/session.server'
import { notFound, type HandlerArgs } from './handler.server'
import { uuid } from './parse-form.server'
import { getViewer } from './session.server'

export type Insider = { viewer: Viewer; team: Membership }

/** Members and owners. Nobody is sent to sign in, because that would reveal that the team exists. */
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
  if (!isActiveOwner(insider.team)) throw notFound()
  return insider
}

/** Active owners and finance: budgets, what everybody spends, and the audit trail. */
export async function requireMoneyRole(args: HandlerArgs): Promise<Insider> {
  const insider = await requireMember(args)
  const { role, state } = insider.team
  if (!mayHandleMoney(role) || state !== 'active') throw notFound()
  return insider
}

/** Whoever has a budget: everybody but viewers. */
export async function requireKeyHolder(args: HandlerArgs): Promise<Insider> {
  const insider = await requireMember(args)
  if (!mayHoldKeys(insider.team.role)) throw notFound()
  return insider
}

export const isActiveOwner = ({ role, state }: Membership) => role === 'owner' && state === 'active'

/** The part of a membership that pages show. */
export const frameOf = ({ slug, name, role, state, closedAt, waits }: Membership) => ({
  slug,
  name,
  role,
  state,
  closedAt,
  waits,
})

/** An id of ours in an address; anything else is not found. */
export function requireId(id: string | undefined): string {
  const parsed = uuid.safeParse(id)
  if (!parsed.success) throw notFound()
  return parsed.data
}

/** Which of a page's forms was sent; empty for none. */
export const intentOf = (fields: URLSearchParams) => fields.get('intent') ?? ''
