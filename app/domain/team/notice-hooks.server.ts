/**
 * The webhooks of a team: one signed, one as Slack takes it. Guarantee: an address and the secret
 * that signs are sealed, shown on no page again, and called only while the owner who added them is
 * an active owner; every change is audited in its own transaction.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { AddressRefusal } from '~/adapters/outbound.server'
import type { Hook } from '~/adapters/alert-channels.server'
import type { Tx } from '~/adapters/db.server'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { requireActiveOwner, requireOpenTeam, teamScope } from '../money/member-lock.server'
import { lockTeam } from './team.server'

export type HookChannel = 'webhook' | 'slack'
export type HookView = {
  id: string
  channel: HookChannel
  host: string
  by: string
  createdAt: string
  /** Whoever added it is no longer an active owner: it is not called. */
  ended: boolean
}

type Place = { teamId: string; slug: string; actorUserId: string }
type Sealed = { teamId: string; channel: string; url: string; secret: string }

const sealedAt = (id: string) => ({ table: 'team_hooks', row: id, generation: 1 })
const maxUrlLength = 1_000

export type AddOutcome =
  /** `secret` is shown once; null for Slack, which has none. */
  | { kind: 'added'; secret: string | null }
  | { kind: 'refused'; reason: AddressRefusal | 'there-already' }

/** Adds a webhook, for an active owner. Nothing is called yet. */
export async function addHook(
  ctx: Ctx,
  input: Place & { channel: HookChannel; url: string },
): Promise<AddOutcome> {
  const { teamId, slug, actorUserId, channel } = input
  const url = input.url.trim()
  const refusal = url.length > maxUrlLength ? 'not-an-address' : ctx.alerts.refusalOf(url)
  if (refusal !== null) return { kind: 'refused', reason: refusal }
  const id = randomUUID()
  const secret = channel === 'slack' ? null : randomBytes(32).toString('base64url')
  const { host } = new URL(url)
  const content: Sealed = { teamId, channel, url, secret: secret ?? '' }
  const sealed = ctx.sealer.seal(JSON.stringify(content), sealedAt(id))
  return ctx.db.$transaction(async (tx): Promise<AddOutcome> => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    await requireOpenTeam(tx, teamId)
    const added = await tx.$executeRaw`
      insert into keymint.team_hooks (id, team_id, channel, host, sealed, created_by, created_at)
      values (${id}::uuid, ${teamId}::uuid, ${channel}, ${host}, ${sealed}, ${actorUserId}, keymint.now())
      on conflict (team_id, channel) do nothing`
    if (added !== 1) return { kind: 'refused', reason: 'there-already' }
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.webhook-added',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: { channel, host },
    })
    return { kind: 'added', secret }
  })
}

/** Removes a webhook, for an active owner: what still waits for it is not sent. False without one. */
export async function removeHook(ctx: Ctx, input: Place & { id: string }): Promise<boolean> {
  const { teamId, slug, actorUserId, id } = input
  return ctx.db.$transaction(async (tx) => {
    await lockTeam(tx, teamId)
    await requireActiveOwner(tx, teamId, actorUserId)
    const [removed] = await tx.$queryRaw<{ channel: string; host: string }[]>`
      delete from keymint.team_hooks where id = ${id}::uuid and team_id = ${teamId}::uuid
      returning channel, host`
    if (!removed) return false
    await recordAudit(tx, {
      actor: `user:${actorUserId}`,
      action: 'team.webhook-removed',
      subject: `team:${slug}`,
      scope: teamScope(slug),
      details: removed,
    })
    return true
  })
}

export async function readHooks(db: Tx, teamId: string): Promise<HookView[]> {
  const rows = await db.$queryRaw<(Omit<HookView, 'createdAt'> & { createdAt: Date })[]>`
    select h.id, h.channel, h.host, a.display_name as by, h.created_at as "createdAt",
      not (coalesce(m.role = 'owner' and m.state = 'active', false) and a.banned_at is null) as ended
    from keymint.team_hooks h join keymint.attendees a on a.user_id = h.created_by
      left join keymint.team_members m on m.team_id = h.team_id and m.user_id = h.created_by
    where h.team_id = ${teamId}::uuid order by h.channel desc`
  return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }))
}

/** Where a webhook is, and what signs. Null where it is gone, has ended or does not open. */
export async function openHook(
  ctx: Ctx,
  teamId: string,
  id: string,
  channel: string,
): Promise<Hook | null> {
  const [row] = await ctx.db.$queryRaw<{ sealed: string }[]>`
    select h.sealed from keymint.team_hooks h join keymint.attendees a on a.user_id = h.created_by
      join keymint.team_members m on m.team_id = h.team_id and m.user_id = h.created_by
    where h.id = ${id}::uuid and h.team_id = ${teamId}::uuid and h.channel = ${channel}
      and m.role = 'owner' and m.state = 'active' and a.banned_at is null`
  if (!row) return null
  try {
    const content = JSON.parse(ctx.sealer.unseal(row.sealed, sealedAt(id))) as Sealed
    // Sealed to its row; a row that was changed beside it is another team's or channel's.
    if (content.teamId !== teamId || content.channel !== channel) return null
    return { url: content.url, secrets: content.secret === '' ? [] : [content.secret] }
  } catch (error) {
    ctx.log.error({ error, hook: id }, 'the webhook of a team could not be opened')
    return null
  }
}
