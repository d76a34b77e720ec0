/**
 * Places to change in the SQL of a template. Its text comes with every `${…}` covered by a word of
 * the same length, so that places are places of the file.
 */
import { otherState, type Operator } from './mutant'

export type Place = { operator: Operator; start: number; from: string; to: string }

export function sqlPlaces(sql: string): Place[] {
  const text = withoutComments(sql)
  return [
    ...comparisons(text),
    ...droppedConditions(text),
    ...matches(text, /\b(greatest|least)(?=\()/g, 'larger and smaller', (word) =>
      word === 'least' ? 'greatest' : 'least',
    ),
    ...matches(text, /\bis not null\b|\bis null\b/g, 'null', (word) =>
      word === 'is null' ? 'is not null' : 'is null',
    ),
    ...matches(text, /(?<=interval ')\d+/g, 'interval', (count) => String(Number(count) * 2)),
    ...matches(text, /(?<=[\w)] )[+-](?= [\w(])/g, 'arithmetic', (sign) =>
      sign === '+' ? '-' : '+',
    ),
    ...matches(text, /\bor\b(?! replace)/g, 'boolean', () => 'and'),
    ...matches(text, /(?<=')[a-z-]+(?=')/g, 'state name', otherState),
    ...coalesces(text),
  ]
}

/** The text with comments as blanks. */
const withoutComments = (sql: string) =>
  sql.replace(/--[^\n]*/g, (comment) => ' '.repeat(comment.length))

function matches(
  text: string,
  pattern: RegExp,
  operator: Operator,
  change: (word: string) => string | null,
): Place[] {
  return [...text.matchAll(pattern)].flatMap((match) => {
    const to = change(match[0])
    return to === null ? [] : [{ operator, start: match.index, from: match[0], to }]
  })
}

const turned: Record<string, [Operator, string]> = {
  '=': ['comparison', '<>'],
  '<>': ['comparison', '='],
  '<': ['boundary', '<='],
  '<=': ['boundary', '<'],
  '>': ['boundary', '>='],
  '>=': ['boundary', '>'],
}

const clauseWord =
  /\b(set|where|and|or|on|when|then|else|having|not|select|values|from|returning)\b/
const comparison = /(?<![-<>=:|@])(<=|>=|<>|<|>|=)(?![<>=])/

/** `=` compares after the words of a condition, and assigns after `set`. */
function comparisons(text: string): Place[] {
  const places: Place[] = []
  let clause = ''
  for (const match of text.matchAll(new RegExp(`${clauseWord.source}|${comparison.source}`, 'g'))) {
    const [token] = match
    const turn = turned[token]
    if (!turn) clause = token
    else if (token !== '=' || !['', 'set', 'then', 'else', 'values', 'returning'].includes(clause))
      places.push({ operator: turn[0], start: match.index, from: token, to: turn[1] })
  }
  return places
}

/** Whether the `and` that follows belongs to a `between`. */
const isBetween = (before: string) => /\bbetween\s+\S+\s+$/.test(before)

const endOfCondition = /^(and|or|then|when|returning|group by|order by|limit|for update|on|union)\b/

/** `and <condition>`, to the end of its parenthesis or the next word that ends it. */
function droppedConditions(text: string): Place[] {
  return [...text.matchAll(/\band\b/g)].flatMap(({ index }): Place[] => {
    if (isBetween(text.slice(0, index))) return []
    const end = endOf(text, index + 3)
    const from = text.slice(index, end).trimEnd()
    return [{ operator: 'dropped condition', start: index, from, to: '' }]
  })
}

function endOf(text: string, from: number): number {
  let [depth, quoted] = [0, false]
  for (let at = from; at < text.length; at++) {
    const letter = text.charAt(at)
    if (letter === "'") quoted = !quoted
    if (quoted) continue
    if (letter === '(') depth++
    if (letter === ')' && --depth < 0) return at
    if (depth > 0) continue
    if (letter === ',' || letter === ';') return at
    if (!/\s/.test(text.charAt(at - 1)) || !endOfCondition.test(text.slice(at, at + 12))) continue
    if (!isBetween(text.slice(from, at))) return at
  }
  return text.length
}

/** `coalesce(a, b)`: nothing stands in for what is missing. */
function coalesces(text: string): Place[] {
  return [...text.matchAll(/\bcoalesce\(/g)].flatMap(({ index }): Place[] => {
    const open = index + 'coalesce('.length
    const comma = endOf(text, open)
    if (text.charAt(comma) !== ',') return []
    const close = closing(text, open)
    return close === null
      ? []
      : [
          {
            operator: 'null',
            start: index,
            from: text.slice(index, close + 1),
            to: `(${text.slice(open, comma)})`,
          },
        ]
  })
}

function closing(text: string, from: number): number | null {
  for (let [at, depth] = [from, 1]; at < text.length; at++) {
    if (text.charAt(at) === '(') depth++
    if (text.charAt(at) === ')' && --depth === 0) return at
  }
  return null
}
