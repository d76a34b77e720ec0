/** What a member's key is counted under. Its holder or an owner writes it, at any time. */
import type { Ctx } from '../ctx'
import { audit } from './end-key.server'
import { onKey, type KeyActor } from './on-key.server'

export type SetProjectOutcome =
  { kind: 'done' } | { kind: 'refused'; reason: 'no-such-key' | 'not-active' }

/** Null takes it away. An ended key keeps or changes it too: sums of the past are by project. */
export async function setProject(
  ctx: Ctx,
  actor: KeyActor,
  project: string | null,
): Promise<SetProjectOutcome> {
  return onKey(ctx, actor, async (tx, { member, key }): Promise<SetProjectOutcome> => {
    if (key.userId === actor.userId && member.state !== 'active')
      return { kind: 'refused', reason: 'not-active' }
    const [row] = await tx.$queryRaw<{ project: string | null }[]>`
      select project from keymint.api_keys where id = ${key.id}::uuid`
    const from = row?.project ?? null
    if (from === project) return { kind: 'done' }
    await tx.$executeRaw`
      update keymint.api_keys set project = ${project} where id = ${key.id}::uuid`
    await audit(tx, member, key, `user:${actor.userId}`, 'sub-key.project-set', {
      from,
      to: project,
    })
    return { kind: 'done' }
  })
}
