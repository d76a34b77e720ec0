/** A form that is posted twice asks for one key. */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { decimalStringFromNano } from '~/money'
import type { ProvisionInput } from './sub-key.server'

/** A life is counted from each post; two lives that a form offers differ by more. */
const sameEndSeconds = 3_600

/**
 * What this form has made before. The same wish is the same key; another wish of a form that a
 * browser brought back is a new one, with an id of its own. Asked under the member's lock.
 */
export async function findPosted(
  tx: Tx,
  input: ProvisionInput,
  formId: string,
): Promise<{ id: string; same: boolean } | null> {
  const [row] = await tx.$queryRaw<{ same: boolean }[]>`
    select (team_id = ${input.teamId}::uuid and user_id = ${input.userId}
      and master_key_id = ${input.masterKeyId}::uuid and purpose = ${input.purpose}
      and project is not distinct from ${input.project ?? null}
      and cap_usd = ${decimalStringFromNano(input.cap)}::numeric
      and reset is not distinct from ${input.reset} and models = ${input.models}::text[]
      and abs(extract(epoch from expires_at - ${input.expiresAt}::timestamptz)) < ${sameEndSeconds}::int
      and coalesce(options, '{}'::jsonb) @> ${JSON.stringify(input.options ?? {})}::jsonb) as same
    from keymint.api_keys where id = ${formId}::uuid`
  if (!row) return null
  return row.same ? { id: formId, same: true } : { id: randomUUID(), same: false }
}
