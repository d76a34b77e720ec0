/**
 * One try of a mint: the attempt that is written before the call, the call, and the save. Guarantee:
 * of all the keys this may create upstream, at most one is ever saved (attempt_one_saved), and every
 * other one is condemned and deleted. What the provider says it made is compared with what was asked
 * before the key counts.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRefusedByDatabase, isUniqueViolation, type Tx } from '~/adapters/db.server'
import type { MadeKey, ServiceReading } from '~/adapters/service-adapter'
import { decimalStringFromNano, type NanoUsd } from '~/money'
import { recordAudit } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { HolderRef } from '../holder'
import type { KeyLimitReset } from '../workshop-file'
import { parkAccount, type OpenAccount } from './accounts.server'
import { upstreamName } from './attempts.server'
import { lockKeysOf } from './key-store.server'
import { book, sendApply } from './want.server'

export type Attempt = { id: string; token: string; name: string }
export type CreatedKey = {
  hash: string
  label: string
  plaintext: string
  made: MadeKey
} & Pick<ServiceReading, 'meter' | 'perHour'>
export type KeyWork = HolderRef & {
  mintId: string
  keyId: string
  scope: string
  account: string
  limit: NanoUsd
  limitReset: KeyLimitReset | null
  expiresAt: Date
  allowedModels: string[]
  wantsGuardrail: boolean
  options: Record<string, string>
}

/** The place that a key is sealed to. */
export const keyPlace = (keyId: string, generation: number) => ({
  table: 'keys',
  row: keyId,
  generation,
})

type Turn = { previousToken: string | null; probing: boolean }
type TakenOver = Attempt & { stale: boolean }

/**
 * Writes a fresh fencing token and the attempt, in one statement; an attempt left open by a crash
 * counts as one in doubt. Null when the mint is no longer pending, when another worker has taken it
 * over since this run's last try, when the gate is closed to it, or when twice the calls allowed at
 * once have no answer yet. `stale`: a crash left one open.
 */
export async function takeOver(ctx: Ctx, work: KeyWork, turn: Turn): Promise<TakenOver | null> {
  // Below half of the bound nobody has to wait for anybody; above it calls are counted one at a time.
  const taken = await writeAttempt(ctx, ctx.db, work, turn, ctx.mintConcurrency)
  if (taken) return taken
  return ctx.db.$transaction(async (tx) => {
    await tx.$queryRaw`
      select pg_advisory_xact_lock(hashtextextended('calls of ' || ${work.account}, 0))::text as locked`
    return writeAttempt(ctx, tx, work, turn, 2 * ctx.mintConcurrency)
  })
}

async function writeAttempt(
  ctx: Ctx,
  db: Tx,
  work: KeyWork,
  turn: Turn,
  maxOpen: number,
): Promise<TakenOver | null> {
  const attempt = { id: randomUUID(), token: randomUUID() }
  const name = upstreamName(ctx.installationId, work.scope, attempt.id)
  const rows = await db.$queryRaw<{ stale: number }[]>`
    with taken as (
      update keymint.mints m set fencing_token = ${attempt.token}::uuid, taken_at = now(), not_before = null,
        delay_reason = null, attempts = m.attempts + (select count(*) from keymint.mint_attempts open
          where open.mint_id = m.id and open.state = 'sent')::int
      from keymint.minting gate, keymint.accounts account
      where m.id = ${work.mintId}::uuid and m.state = 'pending' and account.id = m.account
        and (${turn.previousToken}::uuid is null or m.fencing_token = ${turn.previousToken}::uuid)
        and gate.paused_at is null and account.parked_at is null
        and (${turn.probing} or account.cooldown_until is null)
        and (select count(*) from (
          select 1 from keymint.mint_attempts u join keymint.mints o on o.id = u.mint_id
          where o.account = m.account and (u.state = 'unknown' or (u.state = 'sent' and u.mint_id <> m.id))
            and u.resolved_at is null and u.deleted_at is null
          limit ${maxOpen}::int) open) < ${maxOpen}::int
      returning m.id),
    stale as (
      update keymint.mint_attempts a set state = 'unknown', outcome = 'taken-over', settled_at = now()
      from taken where a.mint_id = taken.id and a.state = 'sent' returning 1),
    written as (
      insert into keymint.mint_attempts (id, mint_id, token, name)
        select ${attempt.id}::uuid, id, ${attempt.token}::uuid, ${name} from taken returning id)
    select (select count(*) from stale)::int as stale from written`
  const row = rows[0]
  return row ? { ...attempt, name, stale: row.stale > 0 } : null
}

/** One request to the account that makes the key; its errors are ProviderErrors. */
export function createKey(account: OpenAccount, work: KeyWork, name: string): Promise<CreatedKey> {
  const models = modelsInRequest(account, work)
  return account.adapter
    .createKey(account.credential, {
      name,
      keyId: work.holderId,
      options: work.options,
      cap: work.limit,
      reset: work.limitReset,
      expiresAt: work.expiresAt,
      models: models.length > 0 ? models : null,
    })
    .then(({ id, ...rest }) => ({ hash: id, ...rest }))
}

/** What limits the key from its first moment on. By a guardrail it is limited once it exists. */
const modelsInRequest = ({ adapter }: OpenAccount, work: KeyWork): string[] =>
  work.wantsGuardrail || adapter.capabilities.modelList !== 'key' ? [] : work.allowedModels

const limitTolerance: NanoUsd = 1_000n
const endToleranceMs = 1_000

/** The first term that is not what was asked; what the provider did not say is unknown, not wrong. */
export function mismatchOf(
  work: KeyWork,
  made: MadeKey,
): 'limit' | 'reset' | 'end' | 'disabled' | 'byok' | null {
  if (made.cap === null) return 'limit'
  if (made.cap !== undefined && abs(made.cap - work.limit) > limitTolerance) return 'limit'
  if (made.reset !== undefined && made.reset !== work.limitReset) return 'reset'
  if (made.expiresAt === null) return 'end'
  if (
    made.expiresAt !== undefined &&
    Math.abs(made.expiresAt.getTime() - work.expiresAt.getTime()) > endToleranceMs
  )
    return 'end'
  if (made.disabled === true) return 'disabled'
  return made.includeByok === false ? 'byok' : null
}

const usdOrNull = (amount: NanoUsd | null | undefined) =>
  amount == null ? null : decimalStringFromNano(amount)

const abs = (amount: NanoUsd) => (amount < 0n ? -amount : amount)

/** Three keys in a row on other terms than asked, and the account makes none until a person has looked. */
const maxMismatches = 3

export async function countMismatch(ctx: Ctx, account: string, what: string): Promise<void> {
  ctx.log.warn({ account, what }, 'a key was made on other terms than asked')
  await ctx.db.$transaction(async (tx) => {
    const [row] = await tx.$queryRaw<{ mismatches: number }[]>`
      update keymint.accounts set mismatches = mismatches + 1 where id = ${account}::uuid returning mismatches`
    if ((row?.mismatches ?? 0) >= maxMismatches)
      await parkAccount(ctx, tx, account, 'made-other-keys')
  })
}

class Lost extends Error {}

/** How long a save goes on when the database does not answer; the key in hand exists nowhere else. */
const savePatienceMs = 30_000

/**
 * Saves the key, and when the answer of a transaction is lost, COMMIT included, reads the attempt
 * again to learn what became of it. Never decides on a guess. What no patience mends ends at once:
 * `twice`, the provider gave a key that another row holds already; `refused`, the database does not
 * take the row. Throws only when the database stayed away for the whole patience.
 */
export async function saveUntilKnown(
  ctx: Ctx,
  work: KeyWork,
  account: OpenAccount,
  attempt: Attempt,
  created: CreatedKey,
): Promise<'saved' | 'lost' | 'twice' | 'refused'> {
  const sealed = ctx.sealer.seal(created.plaintext, keyPlace(work.keyId, work.generation))
  const models = modelsInRequest(account, work)
  const startedAt = performance.now()
  for (let tries = 0; ; tries++) {
    try {
      await ctx.db.$transaction((tx) => save(ctx, tx, work, attempt, created, { sealed, models }))
      return 'saved'
    } catch (error) {
      if (error instanceof Lost) return 'lost'
      if (isUniqueViolation(error)) return 'twice'
      ctx.log.warn(
        { error, mintId: work.mintId, attemptId: attempt.id },
        'a save has no clear answer, reading the attempt again',
      )
      const state = await readAttemptState(ctx, attempt, startedAt)
      if (state === 'saved') return 'saved'
      if (state === 'gone') return 'lost'
      if (isRefusedByDatabase(error)) return 'refused'
      if (performance.now() - startedAt > savePatienceMs) throw error
      await sleep(Math.min(2_000, 100 * 2 ** tries))
    }
  }
}

async function save(
  ctx: Ctx,
  tx: Tx,
  work: KeyWork,
  attempt: Attempt,
  created: CreatedKey,
  /** `models`: what the request limited it to. */
  { sealed, models }: { sealed: string; models: readonly string[] },
): Promise<void> {
  // The holder's row comes first in the order of locks; if the attempt is lost below, this is
  // rolled back with it.
  if (!(await ctx.holders[work.holderKind]?.ready(tx, work))) throw new Lost()
  const { made } = created
  const details = {
    keyHash: created.hash,
    label: created.label,
    limitUsd: decimalStringFromNano(work.limit),
    attemptId: attempt.id,
  }
  const cap = made.cap === undefined ? work.limit : made.cap
  const won = await tx.$executeRaw`
    with mint as (
      update keymint.mints set state = 'done', done_at = now()
      where id = ${work.mintId}::uuid and state = 'pending' and fencing_token = ${attempt.token}::uuid
        returning id, holder_kind, holder_id, scope),
    attempt as (
      update keymint.mint_attempts a
        set state = 'saved', outcome = 'created', key_hash = ${created.hash}, settled_at = now() from mint
      where a.id = ${attempt.id}::uuid and a.mint_id = mint.id and a.state = 'sent' returning a.id),
    key as (
      update keymint.keys k set attempt_id = attempt.id, hash = ${created.hash}, label = ${created.label},
        sealed = ${sealed}, saved_at = keymint.now(), expiry_echoed = ${made.expiresAt instanceof Date},
        seen_limit_usd = ${cap === null ? null : decimalStringFromNano(cap)}::numeric,
        seen_reset = ${made.reset === undefined ? work.limitReset : made.reset},
        meter = ${created.meter ?? null}, per_hour_usd = ${usdOrNull(created.perHour)}::numeric,
        models_open = k.models <> ${[...models]}::text[],
        models_at = case when k.models = ${[...models]}::text[] then keymint.now() end,
        seen_off = ${made.disabled ?? false}, seen_byok = ${made.includeByok ?? null}, seen_at = keymint.now(),
        seen_revision = case when k.limit_usd = ${decimalStringFromNano(work.limit)}::numeric then k.revision
          else k.revision - 1 end
      from attempt where k.id = ${work.keyId}::uuid and k.off_ended_at is null and k.off_replaced_at is null
      returning k.id),
    proven as (
      update keymint.accounts a set mismatches = 0, confirmed_at = case when exists (
          select 1 from keymint.master_keys r where r.id = a.master_key_id and r.replaced_at is not null)
          then a.confirmed_at else coalesce(a.confirmed_at, now()) end from key
      where a.id = ${work.account}::uuid and (a.mismatches > 0 or a.confirmed_at is null))
    insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
    select 'worker', 'key.minted', holder_kind || ':' || holder_id, scope, ${JSON.stringify(details)}::jsonb
      from mint, attempt, key`
  if (won !== 1) throw new Lost()
  if (work.generation > 1) await startGrace(ctx, tx, work)
  // What it costs by the hour says when it ends.
  else if (created.perHour != null)
    await book(ctx, tx, work, { actor: 'worker', why: 'the key is made' })
  if (work.wantsGuardrail)
    await ctx.queue.enqueue(
      tx,
      'bind-guardrail',
      { mintId: work.mintId },
      { singletonKey: work.mintId },
    )
  else if (work.allowedModels.length > models.length)
    await sendApply(ctx, tx, { id: work.keyId, account: work.account })
}

/** The old key works on from here: for its own time, and after an extension for half an hour. */
async function startGrace(ctx: Ctx, tx: Tx, work: KeyWork): Promise<void> {
  const graced = (await lockKeysOf(tx, work)).filter(
    (key) => key.generation < work.generation && key.withoutReset && key.off.replaced === null,
  )
  for (const key of graced)
    await tx.$executeRaw`
      update keymint.keys set grace_until = least(expires_at,
        keymint.now() + make_interval(secs => coalesce(grace_seconds, 1800)))
      where id = ${key.id}::uuid`
  await book(ctx, tx, work, { actor: 'worker', why: 'the next key is ready' })
}

/**
 * `sent` means still mine to save; `gone` that another has taken over or condemned it. Waits for a
 * database that is away.
 */
async function readAttemptState(
  ctx: Ctx,
  attempt: Attempt,
  startedAt: number,
): Promise<'saved' | 'sent' | 'gone'> {
  for (;;) {
    try {
      const rows = await ctx.db.$queryRaw<{ state: string; mine: boolean }[]>`
        select a.state, m.fencing_token = ${attempt.token}::uuid as mine from keymint.mint_attempts a
          join keymint.mints m on m.id = a.mint_id where a.id = ${attempt.id}::uuid`
      if (rows[0]?.state === 'saved') return 'saved'
      return rows[0]?.state === 'sent' && rows[0].mine ? 'sent' : 'gone'
    } catch (error) {
      if (performance.now() - startedAt > savePatienceMs) throw error
      await sleep(500)
    }
  }
}

/** Ends the try: what became of the call, for certain or not. */
export async function markAttempt(
  tx: Tx,
  attempt: Attempt,
  outcome: { state: 'refused' | 'unknown'; reason: string; status: number | undefined },
): Promise<boolean> {
  const changed = await tx.$executeRaw`
    update keymint.mint_attempts set state = ${outcome.state}, outcome = ${outcome.reason},
      http_status = ${outcome.status ?? null}::int, settled_at = now()
    where id = ${attempt.id}::uuid and state = 'sent'`
  return changed === 1
}

/** Says that a key was made on other terms, or twice, and is not kept. */
export async function auditDropped(tx: Tx, work: KeyWork, why: string): Promise<void> {
  await recordAudit(tx, {
    actor: 'worker',
    action: 'key.dropped',
    subject: `${work.holderKind}:${work.holderId}`,
    scope: work.scope,
    details: { why, generation: work.generation },
  })
}
