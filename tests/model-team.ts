/** A team whose keys are limited to models, at the stand-ins of both services. */
import { applyKey } from '~/domain/keys/apply.server'
import { runMint } from '~/domain/keys/mint.server'
import { followModelLists, setTeamModels } from '~/domain/team/model-limits.server'
import { revealSubKey } from '~/domain/team/reveal.server'
import { openTeamWithServices } from './team'
import type { World } from './world'

export const nano = 'openai/gpt-5-nano'
export const sonnet = 'anthropic/claude-sonnet-4.6'
export const opus = 'anthropic/claude-opus-4.6'

export async function openModelTeam(world: World, ctx = world.ctx) {
  const team = await openTeamWithServices(world)
  const { teamId, slug, userId } = team
  const chat = (baseUrl: string) => async (keyId: string, model: string) => {
    const shown = await revealSubKey(ctx, { teamId, keyId, userId })
    if (shown.kind !== 'revealed') throw new Error('the key cannot be shown')
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${shown.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        max_tokens: 16,
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    })
    return response.status
  }
  return {
    ...team,
    /** Sets the list of a service as its owner, by the version that is there unless `was` says another. */
    async set(service: string, models: string[], options: { bound?: boolean; was?: number } = {}) {
      const list = await world.db.teamModels.findUnique({
        where: { teamId_service: { teamId, service } },
      })
      return setTeamModels(ctx, {
        teamId,
        slug,
        actorUserId: userId,
        service,
        models,
        bound: options.bound ?? true,
        was: options.was ?? list?.version ?? 0,
      })
    },
    /** A key that was made; its list is brought to the provider unless a fault is in the way. */
    async make(masterKeyId: string, models: string[] = []) {
      const { keyId, mintId, rowId } = await team.request(masterKeyId, { models })
      await runMint(ctx, mintId)
      await applyKey(ctx, rowId, { ignoreBackoff: true })
      return { keyId, rowId, hash: (await team.keyRow(keyId)).hash ?? '' }
    },
    /** What the sweep does after a change of the list. */
    async follow(...rowIds: string[]) {
      const followed = await followModelLists(ctx)
      for (const id of rowIds) await applyKey(ctx, id, { ignoreBackoff: true })
      return followed
    },
    /** The status of a real request with the key. */
    use: chat(world.upstream.baseUrl),
    useProxy: chat(team.litellm.baseUrl),
  }
}
