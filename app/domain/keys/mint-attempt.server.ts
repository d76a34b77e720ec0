/**
 * An attempt of a mint: its row is written before the one call that it stands for, under a fresh
 * fencing token, so that whoever comes later knows of a call whose answer was lost.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { isProviderError, type ProviderErrorDetails } from '~/adapters/provider-error'
import type { Ctx } from '../ctx'
import { upstreamName } from './attempts.server'
import type { Account } from './gate.server'
import type { CreatedKey, KeyMaker } from './key-maker.server'
import type { MintWork } from './mint-work.server'

/** How long a late create may still land upstream before a pass over the keys is worth its call. */
const lostKeySearchSeconds = 15

export type Attempt = { id: string; token: string; name: string }

export type Tried =
  | { attempt: Attempt; created: CreatedKey; failure?: undefined }
  | { attempt: Attempt; created?: undefined; failure: ProviderErrorDetails }

type Turn = { previousToken: string | null; probing: boolean }

/** Writes the attempt and makes its one call. Null when the mint may not be tried now. */
export async function tryOnce(
  ctx: Ctx,
  work: MintWork,
  maker: KeyMaker,
  turn: Turn,
): Promise<Tried | null> {
  const attempt = await takeOver(ctx, work, turn)
  if (!attempt) return null
  try {
    return { attempt, created: await maker(attempt.name) }
  } catch (error) {
    if (!isProviderError(error)) throw error
    return { attempt, failure: error.details }
  }
}

/**
 * Writes a fresh fencing token and the attempt, in one statement; an attempt left open by a crash
 * counts as one in doubt, so that a mint that kills its worker comes to an end. Null when the mint
 * is no longer pending, when another worker has taken it over since this run's last try, or when
 * the gate is closed to it.
 */
async function takeOver(
  ctx: Ctx,
  work: MintWork,
  { previousToken, probing }: Turn,
): Promise<Attempt | null> {
  const attempt = { id: randomUUID(), token: randomUUID() }
  const name = upstreamName(ctx.installationId, work.scope, attempt.id)
  const rows = await ctx.db.$queryRaw<{ stale: number }[]>`
    with taken as (
      update keymint.mints m set fencing_token = ${attempt.token}::uuid, taken_at = now(), not_before = null,
        delay_reason = null,
        attempts = m.attempts + (select count(*) from keymint.mint_attempts open where open.mint_id = m.id
          and open.state = 'sent')::int
      from keymint.mint_gate gate
      where m.id = ${work.mintId}::uuid and m.state = 'pending'
        and (${previousToken}::uuid is null or m.fencing_token = ${previousToken}::uuid)
        and gate.paused_at is null
          and (${probing} or case when m.account is null then gate.cooldown_until is null
          else not exists (select 1 from keymint.service_gates own where own.account = m.account
            and own.cooldown_until is not null) end)
      returning m.id),
    stale as (
      update keymint.mint_attempts a set state = 'unknown', outcome = 'taken-over', settled_at = now()
      from taken where a.mint_id = taken.id and a.state = 'sent' returning 1),
    written as (
      insert into keymint.mint_attempts (id, mint_id, token, name)
        select ${attempt.id}::uuid, id, ${attempt.token}::uuid, ${name} from taken returning id)
    select (select count(*) from stale)::int as stale from written`
  const row = rows[0]
  if (!row) return null
  if (row.stale > 0) await ctx.db.$transaction((tx) => searchLostKeys(ctx, tx, work.account))
  return { ...attempt, name }
}

export async function searchLostKeys(ctx: Ctx, tx: Tx, account: Account): Promise<void> {
  if (account === null)
    await ctx.queue.enqueue(tx, 'reconcile-keys', {}, { startAfterSeconds: lostKeySearchSeconds })
  else
    await ctx.queue.enqueue(
      tx,
      'reconcile-service',
      { masterKeyId: account },
      { singletonKey: account, startAfterSeconds: lostKeySearchSeconds },
    )
}

export async function markAttemptRefused(
  tx: Tx,
  attempt: Attempt,
  details: ProviderErrorDetails,
): Promise<void> {
  await tx.$executeRaw`
    update keymint.mint_attempts
      set state = 'refused', outcome = ${details.reason}, http_status = ${details.status ?? null}::int,
      settled_at = now()
    where id = ${attempt.id}::uuid and state = 'sent'`
}
