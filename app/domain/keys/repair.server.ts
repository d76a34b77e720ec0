/**
 * Carries out the fixes of drifts, each after another look at the key, the row and the guardrail:
 * what is not there any more in exactly this form is left alone. Every fix is audited before it
 * acts, and may be run twice.
 */
import { isDatabaseUnavailable } from '~/adapters/db.server'
import { isProviderError } from '~/adapters/provider-error'
import { recordAudit, type AuditActor, type AuditEvent } from '../audit/audit.server'
import { doubtGuardrail, ensureGuardrail } from './guardrail.server'
import type { Ctx } from '../ctx'
import { jobErrorOf } from '../error-text'
import type { JobError } from '../job-outcome'
import { deploymentAccount, openAccount } from './accounts.server'
import { applyKey } from './apply.server'
import { condemn, deleteCondemned } from './attempts.server'
import { engineNow } from './key-store.server'
import { recordMissing, recordReading } from './readings.server'
import { classify } from './classify'
import {
  driftKinds,
  type Drift,
  type DriftFix,
  type DriftKind,
  type GuardrailState,
  type Snapshot,
} from './drift'
import { readCanonicalSlugs, readGuardrails, readSnapshotOfKey } from './held-keys.server'

export type DriftRef = {
  id: string
  kind: DriftKind
  keyHash: string | null
  workshopSlug: string | null
}
/**
 * `moot` is the stored value of what pages call obsolete: by now the two agree, or disagree in another
 * way; nothing was done.
 */
export type FixOutcome = { id: string; outcome: 'fixed' | 'failed' | 'moot'; detail: string }

/** So many failures of the provider in a row, and the rest waits. */
const failuresInARow = 5

/**
 * Fixes one drift after the other, guardrails first, and reports each as soon as it is settled.
 * Returns how many were left because the provider failed several times in a row, with its last
 * words.
 */
export async function fixDrifts(
  ctx: Ctx,
  input: { actor: AuditActor; drifts: DriftRef[]; settled: (outcome: FixOutcome) => Promise<void> },
): Promise<{ left: number; reason: string | null }> {
  const look = lookAgain(ctx)
  const queue = [...input.drifts].sort(
    (a, b) => driftKinds.indexOf(a.kind) - driftKinds.indexOf(b.kind),
  )
  let failures = 0
  for (const [index, drift] of queue.entries()) {
    try {
      await input.settled(await fixOne(ctx, input.actor, drift, look))
      failures = 0
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error
      const failure = causeOf(error)
      if (!failure) {
        // One that cannot be fixed for a reason of ours must not keep the others from being fixed.
        ctx.log.error(
          { error, drift: drift.id, kind: drift.kind },
          'the fix of a drift failed unexpectedly',
        )
        await input.settled({
          id: drift.id,
          outcome: 'failed',
          detail: 'The fix failed for a reason of our own; the log has it.',
        })
        continue
      }
      failures++
      ctx.log.warn({ drift: drift.id, kind: drift.kind, failure }, 'a drift could not be fixed')
      await input.settled({ id: drift.id, outcome: 'failed', detail: sentenceFor(failure) })
      if (failures >= failuresInARow)
        return { left: queue.length - index - 1, reason: sentenceFor(failure) }
    }
  }
  return { left: 0, reason: null }
}

type Look = ReturnType<typeof lookAgain>

/**
 * Keys are read one by one; what is true of a whole workshop once, and again after a guardrail was
 * repaired.
 */
function lookAgain(ctx: Ctx) {
  let guardrails: Promise<Map<string, GuardrailState>> | null = null
  let slugs: Promise<Map<string, string>> | null = null
  return {
    forget: () => void (guardrails = null),
    async at(drift: DriftRef): Promise<Snapshot> {
      const needsGuardrails = drift.kind === 'guardrail-differs' || drift.kind === 'unbound'
      const known = {
        guardrails: needsGuardrails ? await (guardrails ??= readGuardrails(ctx)) : null,
        canonicalSlugs:
          drift.kind === 'guardrail-differs'
            ? await (slugs ??= readCanonicalSlugs(ctx))
            : new Map<string, string>(),
      }
      if (drift.keyHash !== null) return readSnapshotOfKey(ctx, drift.keyHash, known)
      return {
        now: ctx.now(),
        installationPrefix: '',
        upstream: [],
        attempts: [],
        held: [],
        gone: new Set(),
        ...known,
      }
    },
  }
}

async function fixOne(ctx: Ctx, actor: AuditActor, ref: DriftRef, look: Look): Promise<FixOutcome> {
  const drift = classify(await look.at(ref)).find(({ id }) => id === ref.id)
  if (!drift)
    return {
      id: ref.id,
      outcome: 'moot',
      detail: 'It agrees by now, or differs in another way. Nothing was done.',
    }
  if (!drift.act)
    return {
      id: ref.id,
      outcome: 'moot',
      detail: 'A person decides about this one. Nothing was done.',
    }
  const result = await act(ctx, actor, drift, drift.act)
  if (drift.kind === 'guardrail-differs') look.forget()
  return { id: drift.id, ...result }
}

type Result = { outcome: 'fixed' | 'failed' | 'moot'; detail: string }
const fixed = (detail: string): Result => ({ outcome: 'fixed', detail })

/** Acts on a drift that was seen just now. Throws ProviderError. */
async function act(ctx: Ctx, actor: AuditActor, drift: Drift, repair: DriftFix): Promise<Result> {
  const event: AuditEvent = {
    actor,
    action: 'reconcile.fixed',
    subject: drift.subject,
    ...(drift.workshopSlug ? { scope: drift.workshopSlug } : {}),
    details: {
      drift: drift.id,
      kind: drift.kind,
      repair: drift.repair ?? '',
      ...(drift.keyHash ? { keyHash: drift.keyHash } : {}),
    },
  }
  switch (repair.do) {
    case 'delete-orphan': {
      // Condemning comes first: if a save wins instead, the key stays.
      const condemned = await ctx.db.$transaction(async (tx) => {
        if (!(await condemn(tx, repair.attemptId, repair.hash))) return false
        await recordAudit(tx, event)
        return true
      })
      if (!condemned) return { outcome: 'moot', detail: 'The key was saved after all. It stays.' }
      if (await deleteCondemned(ctx, repair.attemptId, repair.hash))
        return fixed('Deleted at the provider.')
      return {
        outcome: 'failed',
        detail: 'Condemned, but the provider did not confirm the delete. Retrying automatically.',
      }
    }
    case 'switch-off':
      await ctx.db.$transaction((tx) => recordAudit(tx, event))
      if (repair.keyId !== null) {
        await lookAtKey(ctx, repair.keyId, repair.hash)
        return carryOut(ctx, repair.keyId, 'Disabled at the provider.')
      }
      await ctx.provider.updateKey(repair.hash, { disabled: true })
      return fixed('Disabled at the provider.')
    case 'switch-on':
    case 'set-limit':
      await lookAtKey(ctx, repair.keyId, repair.hash)
      // What a person asks for is wanted anew: only then does the loop raise or enable.
      await ctx.db.$transaction(async (tx) => {
        await recordAudit(tx, event)
        await tx.$executeRaw`
          update keymint.keys set revision = revision + 1, apply_at = null where id = ${repair.keyId}::uuid`
      })
      return carryOut(
        ctx,
        repair.keyId,
        repair.do === 'switch-on' ? 'Enabled at the provider.' : 'The cap is set at the provider.',
      )
    case 'bind':
      return assignAgain(ctx, repair, event)
    case 'mark-missing':
      await ctx.db.$transaction((tx) => recordAudit(tx, event))
      await recordMissing(ctx, repair.keyId)
      return fixed('Marked. The claim’s page says that the key is gone.')
    case 'ensure-guardrail':
      await ctx.db.$transaction(async (tx) => {
        await recordAudit(tx, event)
        await doubtGuardrail(tx, repair.slug, { gone: repair.guardrailId !== null })
      })
      await ensureGuardrail(ctx, repair.slug)
      return fixed('The guardrail is what the file says.')
  }
}

/** The loop goes by what was seen: what stands at the provider now is recorded first. */
async function lookAtKey(ctx: Ctx, keyId: string, hash: string): Promise<void> {
  const account = await openAccount(ctx, deploymentAccount)
  if (!account) return
  const askedAt = await engineNow(ctx.db)
  const seen = await account.adapter.findKey(account.credential, hash)
  if (seen) await recordReading(ctx, keyId, seen, askedAt, { own: false })
}

/** The loop applies what is wanted, now and without its pauses between tries. Throws NotConfirmed. */
async function carryOut(ctx: Ctx, keyId: string, done: string): Promise<Result> {
  const outcome = await applyKey(ctx, keyId, { ignoreBackoff: true })
  if (outcome.kind === 'done') return fixed(done)
  if (outcome.error) throw new NotConfirmed(outcome.error)
  return { outcome: 'failed', detail: 'The provider has not confirmed it. Retrying automatically.' }
}

/** The provider did not do what was asked of a key; the loop goes on trying. */
class NotConfirmed extends Error {
  constructor(readonly error: JobError) {
    super(error.reason)
  }
}

async function assignAgain(
  ctx: Ctx,
  repair: Extract<DriftFix, { do: 'bind' }>,
  event: AuditEvent,
): Promise<Result> {
  return ctx.db.$transaction(async (tx): Promise<Result> => {
    const [key] = await tx.$queryRaw<{ mintId: string }[]>`
      update keymint.keys set guardrail_at = null, bind_set_aside = false where id = ${repair.keyId}::uuid
      returning mint_id as "mintId"`
    if (!key) return { outcome: 'failed', detail: 'The row of this key cannot be found.' }
    const job = { mintId: key.mintId }
    if (
      (await ctx.queue.enqueue(tx, 'bind-guardrail', job, { singletonKey: key.mintId })) ===
      'already-queued'
    )
      await ctx.queue.bringForward(tx, 'bind-guardrail', key.mintId)
    await recordAudit(tx, event)
    return fixed('A job assigns the guardrail now; if that fails, the workshop’s page says why.')
  })
}

function causeOf(error: unknown): JobError | null {
  if (error instanceof NotConfirmed) return error.error
  return isProviderError(error) ? jobErrorOf(error.details) : null
}

function sentenceFor({ reason, status, message }: JobError): string {
  const code = status ? ` (${status})` : ''
  const quoted = message ? `, “${message}”` : ''
  return `The provider did not do it: ${reason.replaceAll('-', ' ')}${code}${quoted}.`
}
