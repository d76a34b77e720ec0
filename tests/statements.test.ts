/**
 * Raw SQL is checked before it runs: every statement of app and jobs is prepared against the
 * migrated schema, in each form that its branches give it, and its columns are compared with the
 * row type that the code takes them for. What cannot be followed needs an example, and none is
 * skipped.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { checkStatements } from './statements/check'
import { everyCombination, maxCombinations } from './statements/choices'
import { readExamples } from './statements/examples'
import { readSource, root } from './statements/program'
import { resolveStatements } from './statements/resolve'
import { testDb } from './test-database'

const faulty = 'app/domain/faulty.server.ts'
const source = readSource({
  [faulty]: `import { Prisma, type Db } from '~/adapters/db.server'
type Row = { slug: string; seats: number }
const full = Prisma.sql\`seats > 0
  and ended_on is null\`
export const misspelt = (db: Db, onlyFull: boolean) =>
  db.$queryRaw\`select seats from keymint.pools \${onlyFull ? Prisma.sql\`where \${full}\` : Prisma.empty}\`
export const missing = (db: Db) =>
  db.$queryRaw<Row[]>\`select workshop_slug as slug from keymint.pools\`
export const surplus = (db: Db) =>
  db.$queryRaw<Row[]>\`select workshop_slug as slug, seats, ended_at from keymint.pools\`
export const ofOtherType = (db: Db) =>
  db.$queryRaw<Row[]>\`select workshop_slug as slug, committed_usd as seats from keymint.pools\`
export const ofOtherList = (db: Db) =>
  db.$queryRaw<{ slugs: number[] }[]>\`select array_agg(workshop_slug) as slugs from keymint.pools\`
export const notReadable = (db: Db) => db.$queryRaw<{ age: unknown }[]>\`select now() - now() as age\`
export const known = (db: Db, column: string) =>
  db.$executeRaw\`update keymint.pools set \${Prisma.raw(column)} = 0\`
export const unknown = (db: Db, column: string) =>
  db.$queryRawUnsafe(\`select \${column} from keymint.pools\`)
export const takenAway = (db: Db) => db.$executeRaw
export const unused = Prisma.sql\`seats = 0\`
`,
})
const isProduct = (file: string) => file !== faulty
const product = resolveStatements(source, await readExamples(), isProduct)

/** The first sentence of each, with a short name for the file. */
const heads = (faults: string[]) =>
  faults.map((fault) => fault.replaceAll(faulty, 'faulty').split(/\n|\. Register/)[0])

async function withDatabase<T>(use: (url: string) => Promise<T>): Promise<T> {
  const database = await testDb()
  try {
    return await use(database.url)
  } finally {
    await database.drop()
  }
}

test('every raw statement fits the migrated schema and the type of its rows', async () => {
  const checked = await withDatabase((url) => checkStatements(source, product.resolved, url))
  console.log(
    `${checked.statements} statements in ${checked.variants} forms; more than ${maxCombinations} ` +
      `combinations, so checked in pairs: ${checked.capped.join(', ') || 'none'}`,
  )
  expect([...product.faults, ...checked.faults].join('\n')).toBe('')
  expect(checked.statements).toBeGreaterThan(350)
})

test('a renamed column is found in every statement that names it, by file and line', async () => {
  const { faults } = await withDatabase(async (url) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('alter table keymint.pools rename column seats to chairs')
    await client.end()
    return checkStatements(source, product.resolved, url)
  })
  const places = faults.flatMap((fault) => {
    const [, file, line] = /^([^:]+):(\d+): .*\bseats\b.* does not exist/.exec(fault) ?? []
    if (file === undefined) return []
    return [
      { file, text: readFileSync(path.join(root, file), 'utf8').split('\n')[Number(line) - 1] },
    ]
  })
  expect(places.length).toBeGreaterThan(2)
  expect(places.map(({ file }) => file)).toContain('app/domain/money/pool.server.ts')
  for (const { text } of places) expect(text).toContain('seats')
})

test('each kind of fault is said with its place and its column', async () => {
  const examples = {
    [`${faulty} known`]: [{ column: 'chairs' }],
    [`${faulty} missing`]: [{ column: 'seats' }],
    [`${faulty} gone`]: [{ column: 'seats' }],
  }
  const { resolved, faults } = resolveStatements(source, examples, (file) => !isProduct(file))
  const checked = await withDatabase((url) => checkStatements(source, resolved, url))
  expect(heads([...faults, ...checked.faults])).toEqual([
    'faulty:8: the example "faulty missing" is stale: the statement needs none',
    'faulty:19: the text of column is known only when it runs',
    'faulty:20: the method is taken away from its client',
    'the example "faulty gone" is stale: there is no such statement',
    'faulty:21: this fragment is in no statement that was checked',
    'faulty:4: column "ended_on" does not exist',
    'faulty:8: column "seats" is missing: the row type has it',
    'faulty:10: column "ended_at" is in no row type',
    'faulty:12: column "seats" is numeric, which Prisma reads as Decimal; the row type says number',
    'faulty:14: column "slugs" is _text, which Prisma reads as list; the row type says number[]',
    'faulty:15: column "age" is interval, which Prisma cannot read',
    'faulty:17: column "chairs" of relation "pools" does not exist',
  ])
})

test('beyond the most combinations every two branches still meet', () => {
  const runs = everyCombination((choose) =>
    Array.from({ length: 12 }, (_, key) => choose(`${key}`, 3)),
  )
  expect(runs.capped).toBe(true)
  expect(runs.results.length).toBeLessThan(60)
  for (let a = 0; a < 12; a++)
    for (let b = a + 1; b < 12; b++)
      expect(new Set(runs.results.map((made) => `${made[a]}${made[b]}`)).size).toBe(9)
})
