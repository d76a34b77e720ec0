/**
 * The protocol of keys: every state of its model within bounds, and long random walks over the real
 * engine, with every kind of fault.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { migrate } from '../../prisma/migrate'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { walk } from '../../tests/walk/walk'
import type { Count, Proof } from './proof'

/** A walk of so many operations for each seed from 1. */
const walks = [...Array.from({ length: 20 }, () => 1_000), 20_000]

export const protocolProofs: Proof[] = [
  { name: 'model', run: model },
  { name: 'engine-walks', run: engineWalks },
]

/** In a process of its own: it fills memory. */
async function model(): Promise<Count[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bench/model/index.ts'], {
    stdio: 'inherit',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  const failed = code === 0 ? 0 : 1
  return [{ what: 'the model of the key protocol, within its bounds', tried: 1, failed }]
}

async function engineWalks(): Promise<Count[]> {
  const postgres = await startPostgres()
  try {
    const template = await createTemplate(postgres.adminUrl, migrate)
    const counts: Count[] = []
    for (const [index, operations] of walks.entries()) {
      const startedAt = performance.now()
      const what = `${operations} operations of seed ${index + 1} keep the invariants`
      const failed = await walk(index + 1, operations, { adminUrl: postgres.adminUrl, template })
        .then(() => 0)
        .catch((error: unknown) => {
          process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`)
          return 1
        })
      const worstSeconds = (performance.now() - startedAt) / 1000
      counts.push({ what, tried: 1, failed, worstSeconds })
    }
    return counts
  } finally {
    await postgres.stop()
  }
}
