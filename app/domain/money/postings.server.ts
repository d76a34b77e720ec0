/**
 * The ledger of a member's month. Guarantee: allocated = committed + spent + free at every moment,
 * because balances are moved by postings alone (a trigger) and every posting takes from one account
 * what it adds to another. Whoever posts holds the member's row: see member-lock.server.ts.
 */
import { Prisma, type Tx } from '~/adapters/db.server'
import { decimalStringFromNano, nanoFromDecimalString, type NanoUsd } from '~/money'
import type { AuditActor } from '../audit/audit.server'
import type { Month } from './month'

export type MemberRef = { teamId: string; userId: string }

export type Balance = { allocated: NanoUsd; committed: NanoUsd; spent: NanoUsd; free: NanoUsd }

type PostingKind =
  | 'allocate'
  | 'deallocate'
  /** Reserves for a key. The database refuses one that exceeds what is free. */
  | 'commit'
  /** Reserves what a key may still spend in a new month, also beyond what is free. */
  | 'carry'
  | 'release'
  | 'spend'
  /** Spent beyond what was committed; charged to what is free. */
  | 'overspend'
  /** What the provider counted too little, and too much: a person says so. */
  | 'correct-up'
  | 'correct-down'

export type Posting = {
  kind: PostingKind
  month: Month
  amount: NanoUsd
  apiKeyId?: string
  reason?: string
  /** The form that asks for it. Two with the same one cannot be posted. */
  formId?: string
}

const accountsOf: Record<PostingKind, readonly [from: string, to: string]> = {
  allocate: ['unallocated', 'free'],
  deallocate: ['free', 'unallocated'],
  commit: ['free', 'committed'],
  carry: ['free', 'committed'],
  release: ['committed', 'free'],
  spend: ['committed', 'spent'],
  overspend: ['free', 'spent'],
  'correct-up': ['free', 'spent'],
  'correct-down': ['spent', 'free'],
}

/**
 * Posts in the caller's transaction, in the order given; amounts are nano-USD, and those of zero
 * are left out. With `at` null the database's clock is used. Throws when a `commit` exceeds what is
 * free: read the balance first.
 */
export async function post(
  tx: Tx,
  ref: MemberRef,
  at: Date | null,
  actor: AuditActor,
  postings: Posting[],
): Promise<void> {
  const real = postings.filter(({ amount }) => amount !== 0n)
  if (real.length === 0) return
  await tx.$executeRaw`
    insert into keymint.transactions (at, team_id, user_id, month, kind, from_account, to_account, amount_usd,
      api_key_id, actor, reason, form_id)
    select coalesce(${at}::timestamptz, now()), ${ref.teamId}::uuid, ${ref.userId}, p.month, p.kind,
      p.from_account, p.to_account, p.amount, p.api_key_id, ${actor}, p.reason, p.form_id
    from unnest(${real.map(({ month }) => month)}::text[]::date[], ${real.map(({ kind }) => kind)}::text[],
      ${real.map(({ kind }) => accountsOf[kind][0])}::text[],
      ${real.map(({ kind }) => accountsOf[kind][1])}::text[],
        ${real.map(({ amount }) => decimalStringFromNano(amount))}::numeric[],
      ${real.map(({ apiKeyId }) => apiKeyId ?? null)}::uuid[],
        ${real.map(({ reason }) => reason ?? null)}::text[],
      ${real.map(({ formId }) => formId ?? null)}::uuid[])
      with ordinality as p(month, kind, from_account, to_account, amount, api_key_id, reason, form_id, position)
        order by p.position`
}

/** The balances of one month in nano-USD; all zero for a month that is not open. */
export async function readBalance(tx: Tx, ref: MemberRef, month: Month): Promise<Balance> {
  const [row] = await tx.$queryRaw<Record<keyof Balance, string>[]>`
    select allocated_usd::text as allocated, committed_usd::text as committed, spent_usd::text as spent,
      free_usd::text as free
    from keymint.budget_months where team_id = ${ref.teamId}::uuid and user_id = ${ref.userId}
      and month = ${month}::date`
  const nano = (name: keyof Balance) => nanoFromDecimalString(row?.[name] ?? '0')
  return {
    allocated: nano('allocated'),
    committed: nano('committed'),
    spent: nano('spent'),
    free: nano('free'),
  }
}

/** The postings that change a key's commitment in a month from one amount to another. */
export function commitmentChange(
  month: Month,
  apiKeyId: string,
  from: NanoUsd,
  to: NanoUsd,
  rise: 'commit' | 'carry' = 'commit',
): Posting[] {
  if (to === from) return []
  return to > from
    ? [{ kind: rise, month, apiKeyId, amount: to - from }]
    : [{ kind: 'release', month, apiKeyId, amount: from - to }]
}

/** In SQL, of a posting `t`: a reading made it, and no person. */
export const isUsage = Prisma.sql`(t.to_account = 'spent' and t.kind <> 'correct-up')`

/** A spend is taken from what is committed for the key; what exceeds that is taken from `free`. */
export function spendPostings(
  month: Month,
  apiKeyId: string,
  committed: NanoUsd,
  amount: NanoUsd,
): Posting[] {
  const covered = amount < committed ? amount : committed
  return [
    { kind: 'spend', month, apiKeyId, amount: covered },
    { kind: 'overspend', month, apiKeyId, amount: amount - covered },
  ]
}
