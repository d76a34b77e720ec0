/**
 * The only function that opens a sub-key's secret: for its holder, or an owner of the team where a
 * service account holds it; while it is live, and audited.
 */
import type { SecretPart } from '~/adapters/service-adapter'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import { teamScope } from '../money/member-lock.server'
import { keyPlace } from '../keys/mint-attempt.server'
import type { MemberRole } from '../money/roles'
import { onBehalfOf } from './end-key.server'
import { holderShownTo } from './service-accounts.server'

export type SubKeyReveal =
  | {
      kind: 'revealed'
      /** The secret as one text; of several parts, a line for each. */
      key: string
      /** Each to be copied by itself. */
      parts: SecretPart[]
      baseUrl: string | null
    }
  | { kind: 'no-key' }

/**
 * Opens the key for its holder; nobody else, not even an owner, can see a person's. The audit event
 * is written in the same transaction. `no-key` for everything that cannot be shown. A key whose list of
 * models is not in force yet waits five seconds for it, and no longer.
 */
export async function revealSubKey(
  ctx: Ctx,
  input: { teamId: string; keyId: string; userId: string },
): Promise<SubKeyReveal> {
  return ctx.db.$transaction(async (tx): Promise<SubKeyReveal> => {
    const holderId = await holderShownTo(tx, input)
    if (holderId === null) return { kind: 'no-key' }
    const [key] = await tx.$queryRaw<
      {
        id: string
        rowId: string
        generation: number
        sealed: string
        slug: string
        service: string
        baseUrl: string | null
        role: MemberRole
      }[]
    >`
      select k.id, e.id as "rowId", k.generation, e.sealed, t.slug, k.service, v.base_url as "baseUrl", m.role
      from keymint.api_keys k join keymint.teams t on t.id = k.team_id join keymint.team_members m
        on m.team_id = k.team_id and m.user_id = k.user_id and m.state = 'active'
      join keymint.attendees a on a.user_id = k.user_id and a.banned_at is null
      join keymint.keys e on e.holder_kind = 'sub-key' and e.holder_id = k.id and e.generation = k.generation
      left join keymint.master_keys v on v.id = k.master_key_id
      where k.id::text = ${input.keyId} and k.team_id = ${input.teamId}::uuid and k.user_id = ${holderId}
        and t.closed_at is null
        and k.state = 'ready' and e.sealed is not null
        and (not e.models_open or e.saved_at <= keymint.now() - interval '5 s')
        and k.expires_at > ${ctx.now()}::timestamptz for update of k`
    if (!key) return { kind: 'no-key' }
    await recordAudit(tx, {
      actor: `user:${input.userId}`,
      action: 'sub-key.revealed',
      subject: `sub-key:${key.id}`,
      scope: teamScope(key.slug),
      details: onBehalfOf({ role: key.role, userId: holderId }),
    })
    await tx.$executeRaw`
      update keymint.api_keys set revealed_at = coalesce(revealed_at, ${ctx.now()}::timestamptz)
        where id = ${key.id}::uuid`
    const plaintext = ctx.sealer.unseal(key.sealed, keyPlace(key.rowId, key.generation))
    const parts = ctx.services.get(key.service)?.show?.(plaintext)
    return {
      kind: 'revealed',
      key: parts?.map(({ label, value }) => `${label}: ${value}`).join('\n') ?? plaintext,
      parts: parts ?? [{ label: 'Key', value: plaintext, secret: true }],
      // Where the secret has parts, its address is one of them.
      baseUrl: parts ? null : key.baseUrl,
    }
  })
}
