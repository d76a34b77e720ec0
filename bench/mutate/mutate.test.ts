import { expect, test } from 'vitest'
import { applied, type Mutant } from './mutant'
import { placesOf } from './places'
import { Tally } from './tally'

const mutants = (text: string) => placesOf('a.ts', text)
const told = (text: string) =>
  mutants(text).map(({ operator, from, to }) => `${operator}: ${from} → ${to}`)
const inSql = (sql: string) =>
  told(`await tx.$queryRaw\`${sql}\``).filter((line) => !line.startsWith('removed call'))

test('comparisons, bounds, booleans and arithmetic are changed one at a time', () => {
  expect(told('const due = a < b && !c')).toEqual([
    'boundary: < → <=',
    'boolean: && → ||',
    'boolean: !c → c',
  ])
  expect(told('const same = a === b || a - 1 !== Math.max(b, 2)')).toEqual([
    'comparison: === → !==',
    'boolean: || → &&',
    'arithmetic: - → +',
    'comparison: !== → ===',
    'larger and smaller: Math.max → Math.min',
  ])
})

test('what stands in for nothing, what leaves early, calls and throws are taken away', () => {
  expect(told('const one = a ?? b')).toEqual(['null: a ?? b → (b)', 'null: a ?? b → (a)'])
  expect(
    told('async function f() { if (x) return; if (y) { await g(); throw e } if (z) h() }'),
  ).toEqual([
    'early return: x → false',
    'early return: y → false',
    'removed call: await g(); → ;',
    'removed throw: throw e → ;',
  ])
})

test('types, imports and other templates are left alone', () => {
  expect(told("import a from 'pending'\ntype A = 'pending' | true\nconst b = text`a = b`")).toEqual(
    [],
  )
})

test('an `=` of SQL is a comparison where it compares, and nothing where it assigns', () => {
  const changed = inSql('update a set b = 1, c = case when d = 2 then 3 else 4 end where e <> 5')
  expect(changed).toEqual(['comparison: = → <>', 'comparison: <> → ='])
})

test('a condition of SQL is dropped to its end, over values and parentheses', () => {
  const text = 'select 1 where a = ${b} and (c > 1 or d is null) and e between 1 and 2 order by f'
  const dropped = inSql(text).filter((line) => line.startsWith('dropped'))
  expect(dropped).toEqual([
    'dropped condition: and (c > 1 or d is null) → ',
    'dropped condition: and e between 1 and 2 → ',
  ])
})

test('least, coalesce, intervals, nulls and states of SQL are changed', () => {
  const text =
    "select least(coalesce(a, ${b}), now() + interval '5 min') where c is null and d = 'sent'"
  expect(inSql(text)).toEqual([
    'larger and smaller: least → greatest',
    'null: coalesce(a, ${b}) → (a)',
    'arithmetic: + → -',
    'interval: 5 → 10',
    'null: is null → is not null',
    "dropped condition: and d = 'sent' → ",
    'comparison: = → <>',
    'state name: sent → unknown',
  ])
})

test('every mutant changes its one place, and a value between the SQL is changed by its own rules', () => {
  const text = 'await tx.$executeRaw`update a set b = coalesce(${c ?? d}, e) where f <= ${g}`'
  const found = mutants(text)
  for (const mutant of found) expect(applied(text, mutant)).not.toBe(text)
  const nulls = found.filter(({ operator }) => operator === 'null')
  expect(nulls.map((one) => applied(text, one))).toEqual([
    'await tx.$executeRaw`update a set b = (${c ?? d}) where f <= ${g}`',
    'await tx.$executeRaw`update a set b = coalesce(${(d)}, e) where f <= ${g}`',
    'await tx.$executeRaw`update a set b = coalesce(${(c)}, e) where f <= ${g}`',
  ])
  expect(() => applied('something else', found[0]!)).toThrow('is not')
})

test('what is equivalent or no program does not count towards the share', () => {
  const tally = new Tally()
  const mutant: Mutant = {
    file: 'app/domain/keys/a.ts',
    language: 'ts',
    operator: 'null',
    start: 0,
    from: '',
    to: '',
  }
  for (const fate of [
    'killed',
    'killed',
    'killed',
    'survived',
    'equivalent',
    'unreadable',
  ] as const)
    tally.add(mutant, fate)
  expect(tally.counted).toBe(4)
  expect(tally.text()).toContain('75.0 % of 4 killed, 1 equivalent, 1 not readable')
})
