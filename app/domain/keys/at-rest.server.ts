/** Whether an account's credential is still needed for anything that was made with it. */
import type { Tx } from '~/adapters/db.server'
import { openAttempt } from './read-account.server'

/**
 * True when every key of the account is closed at the provider and settled, no mint waits, and no
 * call is left whose key may still turn up.
 */
export async function isAtRest(tx: Tx, account: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ needed: boolean }[]>`
    select exists (select 1 from keymint.keys k where k.account = ${account}::uuid and k.saved_at is not null
        and k.deleted_at is null and (k.closed_at is null or k.settled_at is null
          or k.call_sent_at > keymint.now() - interval '15 s'))
      or exists (select 1 from keymint.api_keys k where k.master_key_id = ${account}::uuid
        and k.state in ('pending', 'ready'))
      or exists (select 1 from keymint.mints m where m.account = ${account}::uuid and m.state = 'pending')
      or exists (select 1 from keymint.mint_attempts t join keymint.mints m on m.id = t.mint_id
        where m.account = ${account}::uuid and ${openAttempt}) as needed`
  return row?.needed === false
}
