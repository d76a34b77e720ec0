/** The keys upstream under a former installation id, for a person at a terminal. */
import { createDb } from '../adapters/db.server'
import { createOpenRouter } from '../adapters/openrouter.server'
import { listFormerKeys, type FormerKey } from '../domain/operations/installation.server'
import type { Env } from '../env.server'

/**
 * What to say of them. Never throws: without a management key, or an answer, it says where to look.
 */
export async function formerKeysText(
  databaseUrl: string,
  env: Partial<Env>,
  formerId: string,
): Promise<string> {
  if (env.OPENROUTER_MANAGEMENT_KEY === undefined || env.OPENROUTER_BASE_URL === undefined)
    return `OPENROUTER_MANAGEMENT_KEY is missing, so the keys of the account were not listed. ${lookThere}`
  const db = createDb(databaseUrl, { max: 2, applicationName: 'keymint-former-keys' })
  const provider = createOpenRouter({
    baseUrl: env.OPENROUTER_BASE_URL,
    managementKey: env.OPENROUTER_MANAGEMENT_KEY,
    workspaceId: env.OPENROUTER_WORKSPACE_ID,
  })
  try {
    return textOf(await listFormerKeys({ db, provider }, formerId))
  } catch {
    return `The provider did not list its keys. ${lookThere}`
  } finally {
    await db.$disconnect()
  }
}

const lookThere =
  'Look at https://openrouter.ai/settings/keys for names that begin with the old id.\n'

function textOf(former: FormerKey[]): string {
  const loose = former.filter((key) => !key.held)
  const known =
    `${former.length} keys at the provider carry the old id. ` +
    `${former.length - loose.length} of them belong to this database and keep working.\n`
  if (loose.length === 0) return known
  return [
    `${known}Decide about ${loose.length} made after the backup; they expire on their own:`,
    ...loose.map((key) => `  ${key.createdAt}  ${key.label}  ${key.name}`),
    '',
  ].join('\n')
}
