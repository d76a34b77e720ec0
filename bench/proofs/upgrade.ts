/**
 * A rolling upgrade from the release before, and the way back, while people claim: its workers, the
 * migration of this build beneath them, this build's workers beside them. The claims are made by the
 * code of the release before, as its web processes make them; pages are not part of it.
 */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { installFormerRelease } from './former-release'
import type { Count, Proof } from './proof'

export const upgradeProofs: Proof[] = [{ name: 'upgrade', run }]

const play = 'bench/proofs/upgrade-play.ts'

async function run(): Promise<Count[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'keymint-former-'))
  try {
    const { version, root } = installFormerRelease(folder)
    copyFileSync(play, path.join(root, play))
    const startedAt = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', play], {
      cwd: root,
      env: { ...process.env, KEYMINT_NEXT: process.cwd() },
    })
    const counts = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>
    const { claims = 0, ready, keys, names, seats, seatsTaken, errors = 1 } = counts
    const line = (what: string, tried: number, failed: number): Count => ({
      what: `from ${version}: ${what}`,
      tried,
      failed,
    })
    return [
      {
        ...line(
          'claims of an upgrade and of the way back have a key',
          claims,
          claims - (ready ?? 0),
        ),
        worstSeconds: (performance.now() - startedAt) / 1000,
      },
      line(
        'one key upstream for each',
        claims,
        Math.abs((keys ?? 0) - claims) + claims - (names ?? 0),
      ),
      line(
        'seats are as many as the file has',
        seats ?? 0,
        seats === seatsTaken && seats === claims ? 0 : 1,
      ),
      line(
        'pool and counters add up',
        1,
        counts.moneyIsRight && counts.countersDiffer === 0 ? 0 : 1,
      ),
      line('no job failed unexpectedly', 1, errors),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
