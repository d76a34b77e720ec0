/**
 * The end of the default workspace, which OpenRouter's dashboard offers to some accounts: keys made
 * in it are disabled for good, its guardrails are gone, and requests that name no workspace are 400.
 */
import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../shared/refusal.ts'
import { makeWorkspace } from './records.ts'
import { refuse } from './wire.ts'
import type { World } from './world.ts'

export async function deleteDefaultWorkspace({ ledger, now }: World): Promise<void> {
  const id = ledger.account.defaultWorkspaceId
  if (!ledger.workspaces.has(id)) throw refuse(404)
  const keys = ledger.keysByAge.filter((key) => key.workspaceId === id && key.deletedAt === null)
  const guardrails = [...ledger.guardrails.values()].filter((one) => one.workspaceId === id)
  await ledger.record(
    ...keys.map((key) => ({
      type: 'key' as const,
      key: { ...key, disabled: true, updatedAt: now() },
    })),
    ...guardrails.map((one) => ({ type: 'guardrail-deleted' as const, id: one.id })),
    { type: 'workspace-deleted', id },
  )
}

/** Another workspace in its place, as the provider's support would make it. */
export async function makeDefaultWorkspace({ ledger, now }: World): Promise<JsonObject> {
  const workspace = makeWorkspace({
    id: randomUUID(),
    name: 'Default Workspace',
    slug: 'default',
    now: now(),
    rest: {},
  })
  await ledger.record(
    { type: 'workspace', workspace },
    { type: 'account', account: { ...ledger.account, defaultWorkspaceId: workspace.id } },
  )
  return { id: workspace.id }
}
