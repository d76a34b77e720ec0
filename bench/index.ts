/**
 * `npm run bench` runs every bench, `npm run bench -- burst` one of them. Each is a process of its
 * own, one number a line.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const benches = [
  'burst',
  'pace',
  'refusals',
  'premint',
  'watch',
  'claim-cost',
  'admin',
  'team',
  'reconcile',
] as const
const files: Record<(typeof benches)[number], string> = {
  burst: 'bench/burst.ts',
  pace: 'bench/pace.ts',
  refusals: 'bench/refusals.ts',
  premint: 'bench/premint.ts',
  watch: 'bench/watch.ts',
  'claim-cost': 'bench/claim-cost.ts',
  admin: 'bench/admin-scale.ts',
  team: 'bench/team-scale.ts',
  reconcile: 'bench/reconcile.ts',
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !benches.some((bench) => bench === name))
if (unknown !== undefined) {
  process.stderr.write(`There is no bench "${unknown}". There are: ${benches.join(', ')}.\n`)
  process.exit(2)
}

for (const bench of benches.filter((name) => wanted.length === 0 || wanted.includes(name))) {
  process.stdout.write(`# ${bench}\n`)
  const child = spawn(process.execPath, ['--import', 'tsx', files[bench]], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) process.exit(code ?? 1)
}
