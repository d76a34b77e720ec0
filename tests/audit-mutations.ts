/** What the owner of a database could do to the audit trail, for tests of the chain. */
import type { Db, Tx } from '~/adapters/db.server'
import { chainHash, chainStart } from '~/domain/audit/chain'

type Chance = { pick: (count: number) => number; events: number }
type Mutation = [string, (tx: Tx, chance: Chance) => Promise<unknown>]

/** Any place but the last: what happens to the end alone is a truncation. */
const inner = ({ pick, events }: Chance) => 1 + pick(events - 1)
const differentFrom = (chance: Chance, seq: number) =>
  ((seq - 1 + 1 + chance.pick(chance.events - 1)) % chance.events) + 1

const edits = [
  `actor = actor || 'x'`,
  `action = 'claim.refused'`,
  `subject = 'claim:' || id || 'x'`,
  `workshop_slug = coalesce(workshop_slug || 'x', 'y')`,
  `details = details || '{"limitUsd": "3"}'`,
  `details = details - 'index'`,
  `at = at + interval '1 microsecond'`,
  `xid = '3'`,
  `id = id + 100000`,
  `hash = md5(hash) || md5(prev_hash)`,
  `prev_hash = hash`,
]

export const mutations: Mutation[] = [
  [
    'edits',
    (tx, chance) =>
      tx.$executeRawUnsafe(
        `
          update keymint.audit_events set ${edits[chance.pick(edits.length)]}
            where chain_seq = ${1 + chance.pick(chance.events)}`,
      ),
  ],
  [
    'deletes',
    (tx, chance) =>
      tx.$executeRaw`delete from keymint.audit_events where chain_seq = ${inner(chance)}::int`,
  ],
  [
    'deletes that close the gap',
    async (tx, chance) => {
      const seq = inner(chance)
      await tx.$executeRaw`delete from keymint.audit_events where chain_seq = ${seq}::int`
      await shift(tx, seq, -1)
    },
  ],
  [
    'inserts',
    async (tx, chance) => {
      const seq = inner(chance)
      await shift(tx, seq, 1)
      await insertForged(tx, seq)
    },
  ],
  [
    'swaps of places',
    async (tx, chance) => {
      const one = 1 + chance.pick(chance.events)
      const other = differentFrom(chance, one)
      await tx.$executeRaw`
        update keymint.audit_events set chain_seq = -chain_seq where chain_seq in (${one}::int, ${other}::int)`
      await tx.$executeRaw`
        update keymint.audit_events set chain_seq = case when chain_seq = ${-one}::int then ${other}::int
          else ${one}::int end where chain_seq < 0`
    },
  ],
  [
    'swaps of contents',
    async (tx, chance) => {
      const one = 1 + chance.pick(chance.events)
      await tx.$executeRaw`
      with pair as (select chain_seq, details, at from keymint.audit_events
        where chain_seq in (${one}::int, ${differentFrom(chance, one)}::int))
      update keymint.audit_events e set details = pair.details, at = pair.at from pair
        where e.chain_seq in (select chain_seq from pair) and pair.chain_seq <> e.chain_seq`
    },
  ],
  [
    'truncations (noted head)',
    (tx, chance) =>
      tx.$executeRaw`
        delete from keymint.audit_events where chain_seq >= ${1 + chance.pick(chance.events)}::int`,
  ],
  [
    'edits with all after them chained anew (noted head)',
    async (tx, chance) => {
      const seq = 1 + chance.pick(chance.events)
      await tx.$executeRaw`
        update keymint.audit_events set actor = 'user:github:somebody-else' where chain_seq = ${seq}::int`
      await rechain(tx)
    },
  ],
]

async function shift(tx: Tx, from: number, by: 1 | -1) {
  await tx.$executeRaw`
    update keymint.audit_events set chain_seq = -(chain_seq + ${by}::int) where chain_seq >= ${from}::int`
  await tx.$executeRaw`update keymint.audit_events set chain_seq = -chain_seq where chain_seq < 0`
}

type Fields = {
  id: string
  at: string
  actor: string
  action: string
  subject: string
  workshop: string | null
  details: string
  xid: string
  seq: string
}
const readFields = (tx: Tx) => tx.$queryRaw<Fields[]>`
  select id::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, action,
    subject, workshop_slug as workshop, details::text as details, xid::text as xid, chain_seq::text as seq
  from keymint.audit_events order by chain_seq`

/** As good a forgery as can be made: it follows the one before it, and its own hash is right. */
async function insertForged(tx: Tx, seq: number) {
  const prev =
    seq === 1
      ? chainStart
      : (
          await tx.$queryRaw<
            { hash: string }[]
          >`select hash from keymint.audit_events where chain_seq = ${seq - 1}::int`
        )[0]!.hash
  await tx.$executeRaw`
    insert into keymint.audit_events (actor, action, subject, chain_seq, prev_hash, hash)
      values ('worker', 'claim.made', 'claim:forged', ${seq}::int, ${prev}, 'x')`
  const forged = (await readFields(tx)).find((row) => row.seq === String(seq))!
  await tx.$executeRaw`
    update keymint.audit_events set hash = ${chainHash(prev, forged)} where chain_seq = ${seq}::int`
}

async function rechain(tx: Tx) {
  let prev = chainStart
  const links = (await readFields(tx)).map((row) => {
    const link = { id: row.id, prev, hash: chainHash(prev, row) }
    prev = link.hash
    return link
  })
  await tx.$executeRaw`
    update keymint.audit_events e set prev_hash = l.prev, hash = l.hash
      from unnest(${links.map((l) => l.id)}::text[]::bigint[], ${links.map((l) => l.prev)}::text[],
      ${links.map((l) => l.hash)}::text[]) as l(id, prev, hash) where e.id = l.id`
}

class Undo extends Error {}

/** As a superuser with every trigger off, and undone afterwards. */
export async function behindTheBack<Result>(
  db: Db,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  let result: Result | undefined
  await db
    .$transaction(async (tx) => {
      await tx.$executeRaw`set local session_replication_role = replica`
      result = await work(tx)
      throw new Undo()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error
    })
  return result as Result
}

export function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
