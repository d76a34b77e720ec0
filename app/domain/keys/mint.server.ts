/**
 * Minting: the work of making one key for an owner, on rows that survive any crash. Guarantee: of
 * all the keys this may create upstream, at most one is ever saved (attempt_one_saved), and every
 * other one is condemned and deleted. The database is authoritative; the provider's answer is only
 * news.
 */
import { randomUUID } from 'node:crypto'
import type { Tx } from '~/adapters/db.server'
import { isProviderError, type ProviderErrorDetails } from '~/adapters/provider-error'
import type { KeyReset } from '~/adapters/key-provider'
import { recordAudit } from '../audit/audit.server'
import { warmGuardrail } from './guardrail.server'
import type { Ctx } from '../ctx'
import type { JobError, JobOutcome } from '../job-outcome'
import { jobErrorOf } from '../provider-words'
import { condemn, deleteCondemned, upstreamName } from './attempts.server'
import { coolDown, countDoubt, openGate, takeProbe, type Account } from './gate.server'
import { keyMaker, type CreatedKey, type KeyMaker } from './key-maker.server'
import { openService } from './service.server'
import {
  asDelayReason,
  decideMint,
  judgeFailure,
  type DelayReason,
  type MintSnapshot,
} from './mint-policy'
import type { MintRefusal } from '../holder'
import type { Holder, HolderRef } from '../holder'

type MintWork = MintSnapshot &
  HolderRef & {
    mintId: string
    ownerKind: string
    scope: string
    account: Account
    allowedModels: string[]
    limitUsd: string
    limitReset: KeyReset | null
    hasGuardrail: boolean
  }

/**
 * Tries in one run of the job; a longer series goes back to the queue, so that one mint does not
 * hold a slot.
 */
const triesPerRun = 3
/** How long a late create may still land upstream before a pass over the keys is worth its call. */
const lostKeySearchSeconds = 15

/**
 * Runs the mint once: ends it, puts it off, or gives it back to the queue. Safe to run twice and
 * beside itself. With `passServicesOn` a mint that needs a team's service is sent on to a queue of
 * its own: a proxy that hangs must not hold the slots that a workshop's claims wait for.
 */
export async function runMint(
  ctx: Ctx,
  mintId: string,
  options: { forwardServices?: boolean } = {},
): Promise<JobOutcome> {
  let previousToken: string | null = null
  let failure: JobError | undefined
  for (let tries = 0; tries < triesPerRun; tries++) {
    const work = await readWork(ctx, mintId)
    const decision = decideMint(work, ctx.now(), ctx.settings.provisioningEnabled)
    if (!work || decision.kind === 'stop') return { kind: 'done' }
    if (work.account !== null && options.forwardServices) return forwardToServiceQueue(ctx, mintId)
    if (decision.kind === 'refuse') {
      await refuse(ctx, work, null, decision.refusal)
      return { kind: 'done', error: { reason: decision.refusal.reason } }
    }
    if (decision.kind === 'wait')
      return snooze(
        ctx,
        work,
        decision.reason,
        decision.seconds,
        causeOfWait(work, decision.reason),
      )
    if (decision.kind === 'probe' && !(await takeProbe(ctx.db, work.account))) {
      const reason = asDelayReason(work.gate.reason)
      return snooze(ctx, work, reason, 2, causeOfWait(work, reason))
    }

    // The first of the three calls. It never stops the mint: an unbound key is bound later.
    if (work.account === null && !work.hasGuardrail) await warmGuardrail(ctx, work.scope)

    const making = keyMaker(ctx, work)
    const maker = making instanceof Promise ? await making : making
    if ('refusal' in maker) {
      await refuse(ctx, work, null, maker.refusal)
      return { kind: 'done' }
    }

    // Only the call itself is limited: while some mints save and others are fetched, the provider
    // is kept busy.
    const probing = decision.kind === 'probe'
    const attempted = () => tryOnce(ctx, work, maker, { previousToken, probing })
    const tried = await (work.account === null ? ctx.limitMints(attempted) : attempted())
    // Taken over, ended, or the gate has closed while this one waited for its turn: the next look
    // says which.
    if (!tried) continue
    previousToken = tried.attempt.token
    const result = await settle(ctx, work, tried, probing)
    if (result !== 'again') return result
    failure = tried.failure && jobErrorOf(tried.failure)
  }
  return {
    kind: 'snooze',
    seconds: 1,
    reason: 'several tries without a clear answer',
    ...(failure ? { error: failure } : {}),
  }
}

type Attempt = { id: string; token: string; name: string }

type Tried =
  | { attempt: Attempt; created: CreatedKey; failure?: undefined }
  | { attempt: Attempt; created?: undefined; failure: ProviderErrorDetails }

type Turn = { previousToken: string | null; probing: boolean }

/** Writes the attempt and makes its one call. Null when the mint may not be tried now. */
async function tryOnce(
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

async function settle(
  ctx: Ctx,
  work: MintWork,
  { attempt, created, failure }: Tried,
  probing: boolean,
): Promise<JobOutcome | 'again'> {
  if (failure) return settleFailure(ctx, work, attempt, failure, probing)
  const verdict = await saveUntilKnown(ctx, work, attempt, created)
  ctx.metrics.countMint(verdict)
  if (verdict === 'lost' && (await condemn(ctx.db, attempt.id, created.hash)))
    await deleteLost(ctx, work, attempt, created.hash)
  if (work.gate.failures > 0 || probing) await openGate(ctx.db, { probing }, work.account)
  return { kind: 'done' }
}

/**
 * A team's service deletes by the credential that made the key; the service's own pass finds it
 * again if that fails.
 */
async function deleteLost(ctx: Ctx, work: MintWork, attempt: Attempt, hash: string): Promise<void> {
  if (work.account === null) return void (await deleteCondemned(ctx, attempt.id, hash))
  const { adapter, credential } = await openService(ctx, work.account)
  await deleteCondemned(ctx, attempt.id, hash, (id) => adapter.deleteKey(credential, id))
}

async function forwardToServiceQueue(ctx: Ctx, mintId: string): Promise<JobOutcome> {
  await ctx.db.$transaction((tx) =>
    ctx.queue.enqueue(tx, 'mint-sub-key', { mintId }, { singletonKey: mintId }),
  )
  return { kind: 'done' }
}

async function readWork(ctx: Ctx, mintId: string): Promise<MintWork | null> {
  type Row = Omit<MintWork, 'gate' | 'limitReset'> & {
    limitReset: string | null
    gateSeconds: number | null
    gateReason: string | null
    gateCause: JobError | null
    gateFailures: number | null
    pausedReason: string | null
  }
  const rows = await ctx.db.$queryRaw<Row[]>`
    select m.id as "mintId", m.owner_kind as "ownerKind", m.owner_id as "ownerId", m.generation, m.scope,
      m.account, m.allowed_models as "allowedModels", m.state, m.attempts,
      m.limit_usd::text as "limitUsd", m.limit_reset as "limitReset", m.expires_at as "expiresAt",
        m.delay_reason as "delayReason",
      greatest(0, ceil(extract(epoch from m.not_before - now())))::int as "secondsUntilNotBefore",
      coalesce(o.waiting, false) as "ownerWaits", coalesce(o.barred, false) as "ownerBarred",
      exists (select 1 from keymint.guardrails r where r.workshop_slug = m.scope) as "hasGuardrail",
      case when g.cooldown_until is not null then greatest(0,
        ceil(extract(epoch from g.cooldown_until - now())))::int
        end as "gateSeconds", g.reason as "gateReason", g.cause as "gateCause",
      g.failures as "gateFailures", case when gate.paused_at is null then null
        else coalesce(gate.pause_reason, '') end as "pausedReason"
    from keymint.mints m
    cross join keymint.mint_gate gate
    left join keymint.service_gates own on own.account = m.account
    cross join lateral (select case when m.account is null then gate.cooldown_until else own.cooldown_until
      end as cooldown_until,
      case when m.account is null then gate.reason else own.reason end as reason, case
        when m.account is null then gate.cause else own.cause end as cause, case
        when m.account is null then gate.failures else own.failures end as failures) g
    left join keymint.mint_owners o on o.owner_kind = m.owner_kind and o.owner_id = m.owner_id
      and o.generation = m.generation
    where m.id = ${mintId}::uuid`
  const row = rows[0]
  if (!row) return null
  const { gateSeconds, gateReason, gateCause, gateFailures, pausedReason, ...rest } = row
  return {
    ...rest,
    secondsUntilNotBefore: rest.secondsUntilNotBefore ?? 0,
    limitReset: row.limitReset as KeyReset | null,
    gate: {
      secondsUntilOpen: gateSeconds,
      reason: gateReason,
      cause: gateCause,
      failures: gateFailures ?? 0,
      pausedReason,
    },
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

async function searchLostKeys(ctx: Ctx, tx: Tx, account: Account): Promise<void> {
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

class Lost extends Error {}

/**
 * How long a save goes on when the database does not answer; the key in hand exists nowhere else.
 */
const savePatienceMs = 30_000

/**
 * Saves the key, and when the answer of a transaction is lost, COMMIT included, reads the attempt
 * again to learn what became of it. Never decides on a guess. Throws only when the database stayed
 * away for the whole patience.
 */
async function saveUntilKnown(
  ctx: Ctx,
  work: MintWork,
  attempt: Attempt,
  created: CreatedKey,
): Promise<'saved' | 'lost'> {
  const owner = holderOf(ctx, work)
  const sealed = ctx.sealer.seal(created.plaintext, owner.place(work))
  const startedAt = performance.now()
  for (let tries = 0; ; tries++) {
    try {
      await ctx.db.$transaction((tx) =>
        save(ctx, tx, work, attempt, { hash: created.hash, label: created.label, sealed }),
      )
      return 'saved'
    } catch (error) {
      if (error instanceof Lost) return 'lost'
      ctx.log.warn(
        { error, mintId: work.mintId, attemptId: attempt.id },
        'a save has no clear answer, reading the attempt again',
      )
      const state = await readAttemptState(ctx, work, attempt, startedAt)
      if (state === 'saved') return 'saved'
      if (state === 'gone') return 'lost'
      if (performance.now() - startedAt > savePatienceMs) throw error
      await pause(Math.min(2_000, 100 * 2 ** tries))
    }
  }
}

async function save(
  ctx: Ctx,
  tx: Tx,
  work: MintWork,
  attempt: Attempt,
  key: { hash: string; label: string; sealed: string },
): Promise<void> {
  // The owner's row comes first in the order of locks; if the attempt is lost below, this is rolled
  // back with it.
  if (!(await holderOf(ctx, work).save(tx, work, key))) throw new Lost()
  const details = {
    keyHash: key.hash,
    label: key.label,
    limitUsd: work.limitUsd,
    attemptId: attempt.id,
  }
  const won = await tx.$executeRaw`
    with mint as (
      update keymint.mints set state = 'done', done_at = now()
      where id = ${work.mintId}::uuid and state = 'pending' and fencing_token = ${attempt.token}::uuid
        returning id, owner_kind, owner_id, scope),
    attempt as (
      update keymint.mint_attempts a
        set state = 'saved', outcome = 'created', key_hash = ${key.hash}, settled_at = now() from mint
      where a.id = ${attempt.id}::uuid and a.mint_id = mint.id and a.state = 'sent' returning a.id)
    insert into keymint.audit_events (actor, action, subject, workshop_slug, details)
    select 'worker', 'key.minted', owner_kind || ':' || owner_id, scope, ${JSON.stringify(details)}::jsonb
      from mint, attempt`
  if (won !== 1) throw new Lost()
  if (work.account === null)
    await ctx.queue.enqueue(
      tx,
      'bind-guardrail',
      { mintId: work.mintId },
      { singletonKey: work.mintId },
    )
}

/**
 * `sent` means still mine to save; `gone` that another has taken over or condemned it. Waits for a
 * database that is away.
 */
async function readAttemptState(
  ctx: Ctx,
  work: MintWork,
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
      await pause(500)
    }
  }
}

async function settleFailure(
  ctx: Ctx,
  work: MintWork,
  attempt: Attempt,
  details: ProviderErrorDetails,
  probing: boolean,
): Promise<JobOutcome | 'again'> {
  const judgement = judgeFailure(details)
  ctx.log.warn(
    { mintId: work.mintId, attemptId: attempt.id, failure: details, judgement: judgement.kind },
    'POST /keys did not answer with a key',
  )
  ctx.metrics.countMint(judgement.kind)
  switch (judgement.kind) {
    case 'unknown': {
      await ctx.db.$transaction(async (tx) => {
        await tx.$executeRaw`
          with attempt as (
            update keymint.mint_attempts
              set state = 'unknown', outcome = ${details.reason}, http_status = ${details.status ?? null}::int,
              settled_at = now()
            where id = ${attempt.id}::uuid and state = 'sent' returning mint_id)
          update keymint.mints m set attempts = attempts + 1 from attempt where m.id = attempt.mint_id`
        await searchLostKeys(ctx, tx, work.account)
        await countDoubt(tx, work.account, jobErrorOf(details))
      })
      return 'again'
    }
    case 'put-off': {
      const seconds = await ctx.db.$transaction(async (tx) => {
        await markAttemptRefused(tx, attempt, details)
        return coolDown(
          tx,
          judgement.reason,
          details.retryAfterSeconds,
          work.account,
          jobErrorOf(details),
        )
      })
      return snooze(ctx, work, judgement.reason, seconds, jobErrorOf(details))
    }
    case 'refused':
      await refuse(ctx, work, { attempt, details }, judgement.refusal)
      // No to this request, but an answer: others need not wait for a probe that has come back.
      if (probing) await openGate(ctx.db, { probing }, work.account)
      return { kind: 'done', error: jobErrorOf(details) }
  }
}

async function markAttemptRefused(
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

/**
 * Puts the mint off without counting it. The wait is spread a little, so that a whole room does not
 * come back in one instant.
 */
async function snooze(
  ctx: Ctx,
  work: MintWork,
  reason: DelayReason,
  seconds: number,
  error: JobError | undefined,
): Promise<JobOutcome> {
  const spread =
    seconds + (Number.parseInt(work.mintId.slice(0, 2), 16) / 255) * Math.min(2, seconds)
  await ctx.db.$executeRaw`
    update keymint.mints set delay_reason = ${reason},
      not_before = greatest(not_before, now() + make_interval(secs => ${seconds}::double precision))
    where id = ${work.mintId}::uuid and state = 'pending'`
  return { kind: 'snooze', seconds: Math.ceil(spread), reason, ...(error ? { error } : {}) }
}

/**
 * What waits behind a closed gate waits because of the error that closed it. A person's pause or
 * switch is no error.
 */
function causeOfWait(work: MintWork, reason: DelayReason): JobError | undefined {
  if (reason === 'paused' || reason === 'switched-off') return undefined
  return work.gate.cause ?? { reason }
}

async function refuse(
  ctx: Ctx,
  work: MintWork,
  failed: { attempt: Attempt; details: ProviderErrorDetails } | null,
  refusal: MintRefusal,
): Promise<void> {
  const owner = holderOf(ctx, work)
  await ctx.db.$transaction(async (tx) => {
    await owner.lock(tx, work)
    const changed = await tx.$executeRaw`
        update keymint.mints set state = 'refused', done_at = now() where id = ${work.mintId}::uuid
          and state = 'pending'`
    if (failed) await markAttemptRefused(tx, failed.attempt, failed.details)
    if (changed !== 1) return
    await recordAudit(tx, {
      actor: 'worker',
      action: `${work.ownerKind}.refused`,
      subject: `${work.ownerKind}:${work.ownerId}`,
      workshopSlug: work.scope,
      details: { reason: refusal.reason },
    })
    await owner.refuse(tx, work, refusal)
  })
}

function holderOf(ctx: Ctx, work: { ownerKind: string }): Holder {
  const owner = ctx.holders[work.ownerKind]
  if (!owner) throw new Error(`there is no holder of the kind ${work.ownerKind}`)
  return owner
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
