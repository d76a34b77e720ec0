/**
 * `npm run mutate`: changes single places of the engine, the money, admission and sealing, and asks
 * whether the nearest tests notice. `--sample 300 --seed 1` choose the mutants, `--only <text>` the
 * files, `--minutes` when to stop, `--list` shows places and runs none, `--known` takes the lines
 * that tests once missed.
 */
import { globSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { migrate } from '../../prisma/migrate'
import { startPostgres } from '../../simulators/postgres/server'
import { createTemplate } from '../../simulators/postgres/template'
import { mulberry32 } from '../../tests/rng'
import { equivalentOf } from './equivalents'
import { known } from './known'
import { lineOf, type Mutant } from './mutant'
import { Near } from './near'
import { placesOf } from './places'
import { Scratch } from './scratch'
import { Tally } from './tally'
import { Types } from './types'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    sample: { type: 'string', default: '300' },
    only: { type: 'string', default: '' },
    minutes: { type: 'string', default: '600' },
    list: { type: 'boolean' },
    known: { type: 'boolean' },
  },
})

/** Entry is decided where the claim is written as well as by the pure function. */
const files = globSync([
  'app/domain/{keys,money}/**/*.ts',
  'app/domain/claim/{admission.ts,entry.server.ts,insert-claim.server.ts,claim.server.ts}',
  'app/adapters/sealing.server.ts',
])
  .filter((file) => !file.endsWith('.test.ts') && file.includes(values.only))
  .toSorted()
const textOf = (file: string) => readFileSync(file, 'utf8')
const lineTextOf = ({ file, start }: Mutant) =>
  textOf(file).split('\n')[lineOf(textOf(file), { start }) - 1] ?? ''

const all = values.known
  ? known(textOf)
  : shuffled(files.flatMap((file) => placesOf(file, textOf(file))))
print(
  `${all.length} places in ${new Set(all.map(({ file }) => file)).size} files, seed ${values.seed}\n`,
)
if (values.list) for (const mutant of all) print(`${told(mutant)}\n`)
else process.exitCode = await run()

async function run(): Promise<number> {
  const [near, tally, postgres] = [new Near('.'), new Tally(), await startPostgres()]
  const template = await createTemplate(postgres.adminUrl, migrate)
  const scratch = new Scratch(process.cwd(), {
    MUTATE_POSTGRES: postgres.adminUrl,
    MUTATE_TEMPLATE: template,
  })
  const stop = Date.now() + Number(values.minutes) * 60_000
  const types = new Types(process.cwd(), [...new Set(all.map(({ file }) => file))])
  try {
    for (const mutant of all) {
      if (tally.counted >= Number(values.sample) || Date.now() > stop) break
      const equivalent = equivalentOf(mutant, lineTextOf(mutant))
      if (equivalent)
        print(`${tally.add(mutant, 'equivalent')}  ${told(mutant)}: ${equivalent.reason}\n`)
      else if (!types.accepts(mutant)) tally.add(mutant, 'unreadable')
      else {
        const ran = await scratch.run(mutant, near.testsOf(mutant.file))
        const by = ran.kind === 'killed' ? `: ${ran.by}` : ''
        print(
          `${tally.add(mutant, ran.kind)} ${ran.seconds.toFixed(0).padStart(4)} s  ${told(mutant)}${by}\n`,
        )
      }
    }
  } finally {
    scratch.remove()
    await postgres.stop()
  }
  print(tally.text())
  return values.known && tally.survived > 0 ? 1 : 0
}

function told(mutant: Mutant): string {
  const short = (text: string) => text.replace(/\s+/g, ' ')
  const line = lineOf(textOf(mutant.file), mutant)
  return `${mutant.file}:${line} ${mutant.operator}: ${short(mutant.from)} → ${short(mutant.to) || 'nothing'}`
}

function shuffled(mutants: Mutant[]): Mutant[] {
  const next = mulberry32(Number(values.seed))
  return mutants
    .map((mutant) => ({ mutant, at: next() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ mutant }) => mutant)
}

function print(text: string): void {
  process.stdout.write(text)
}
