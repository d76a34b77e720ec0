/**
 * A seeded walk over the real engine and a real Postgres. KEYMINT_WALK_SEED repeats one that
 * failed.
 */
import { expect, test } from 'vitest'
import { walk } from './walk'

const seed = Number(process.env.KEYMINT_WALK_SEED ?? 1)
const operations = Number(process.env.KEYMINT_WALK_OPERATIONS ?? 500)

test(
  `${operations} operations of seed ${seed} keep the invariants, with every kind of fault`,
  { timeout: 600_000 },
  async () => {
    const walked = await walk(seed, operations)
    // A walk in which nothing happened would prove nothing.
    expect(walked.operations.size).toBeGreaterThan(15)
    expect(walked.faults.size).toBeGreaterThan(6)
    expect(walked.taken).toBeGreaterThan(0)
  },
)
