/** What is chosen once for everybody: the budget of newcomers, and the service shown first. */
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { moneyView, type MoneyView } from '../money-view'
import {
  requireActiveOwner,
  requireMoneyRole,
  requireOpenTeam,
  teamScope,
} from '../money/member-lock.server'
import { lockTeam } from './team.server'

export type TeamDefaults = {
  /** What a month begins with for who joins without another budget. Null for none. */
  budget: MoneyView | null
  service: string | null
}

export async function readTeamDefaults(
  ctx: Pick<Ctx, 'db'>,
  teamId: string,
): Promise<TeamDefaults> {
  const [row] = await ctx.db.$queryRaw<{ budget: string | null; service: string | null }[]>`
    select default_budget_usd::text as budget, default_service as service from keymint.teams
    where id = ${teamId}::uuid`
  const budget = row?.budget ?? null
  return {
    budget: budget === null ? null : moneyView(nanoFromDecimalString(budget)),
    service: row?.service ?? null,
  }
}

type Setting = { teamId: string; slug: string; actorUserId: string }

/**
 * Sets what newcomers begin with, for an active owner or finance; null for nothing. Nobody's budget
 * changes. `stale` when it is another one than `was`, which the form was shown with.
 */
export async function setDefaultBudget(
  ctx: Ctx,
  input: Setting & { budget: NanoUsd | null; was: NanoUsd | null },
): Promise<'set' | 'stale'> {
  const { teamId, slug, actorUserId } = input
  const budget = input.budget === null ? null : decimalStringFromNano(input.budget)
  return ctx.db.$transaction(async (tx): Promise<'set' | 'stale'> => {
    await lockTeam(tx, teamId)
    await requireMoneyRole(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const [row] = await tx.$queryRaw<{ usd: string | null }[]>`
      select default_budget_usd::text as usd from keymint.teams where id = ${teamId}::uuid`
    const present = row?.usd == null ? null : nanoFromDecimalString(row.usd)
    // Posted twice, it is there already.
    if (present === input.budget) return 'set'
    if (present !== input.was) return 'stale'
    await tx.$executeRaw`
      update keymint.teams set default_budget_usd = ${budget}::numeric where id = ${teamId}::uuid`
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.default-budget-set',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: budget === null ? { budget: 'none' } : { budgetUsd: budget },
    })
    return 'set'
  })
}

/** Sets which service the page for new keys shows first, for an active owner; null for none. */
export async function setDefaultService(
  ctx: Ctx,
  input: Setting & { service: string | null },
): Promise<'set' | 'unknown-service'> {
  const { teamId, slug, actorUserId, service } = input
  if (service !== null && !ctx.services.has(service)) return 'unknown-service'
  await ctx.db.$transaction(async (tx) => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const changed = await tx.$executeRaw`
      update keymint.teams set default_service = ${service}
      where id = ${teamId}::uuid and default_service is distinct from ${service}::text`
    if (changed === 1)
      await recordAudit(tx, {
        actor: `user:${actorUserId}`,
        action: 'team.default-service-set',
        subject: `team:${slug}`,
        scope: teamScope(slug),
        details: { service: service ?? 'none' },
      })
  })
  return 'set'
}
