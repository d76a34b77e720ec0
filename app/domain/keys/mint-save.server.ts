/**
 * Saving the key that a call has made. Guarantee: of all the attempts of a mint at most one is ever
 * saved, and whether this one was is read from the database, never guessed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Prisma, type Tx } from '~/adapters/db.server'
import { auditInsert } from '../audit/audit.server'
import type { Ctx } from '../ctx'
import type { CreatedKey } from './key-maker.server'
import type { Attempt } from './mint-attempt.server'
import { holderOf, type MintWork } from './mint-work.server'

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
export async function saveUntilKnown(
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
      await sleep(Math.min(2_000, 100 * 2 ** tries))
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
    ${auditInsert({
      actor: 'worker',
      action: 'key.minted',
      subject: Prisma.sql`owner_kind || ':' || owner_id`,
      scope: Prisma.sql`scope`,
      details,
      from: Prisma.sql`mint, attempt`,
    })}`
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
      await sleep(500)
    }
  }
}
