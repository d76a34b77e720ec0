/** One change of one place of a file: what a slip of the hand could have written there. */
export type Operator =
  | 'comparison'
  | 'boundary'
  | 'boolean'
  | 'arithmetic'
  | 'null'
  | 'early return'
  | 'removed call'
  | 'removed throw'
  | 'larger and smaller'
  | 'state name'
  | 'dropped condition'
  | 'interval'

export type Mutant = {
  file: string
  language: 'ts' | 'sql'
  operator: Operator
  /** Where the replaced text begins in the file, and what is written in its place. */
  start: number
  from: string
  to: string
}

export function applied(text: string, { start, from, to }: Mutant): string {
  if (text.slice(start, start + from.length) !== from)
    throw new Error(`the text at ${start} is not "${from}"`)
  return text.slice(0, start) + to + text.slice(start + from.length)
}

export const lineOf = (text: string, { start }: Pick<Mutant, 'start'>): number =>
  text.slice(0, start).split('\n').length

/** Names that stand for one another: each is replaced by the next of its row. */
const stateNames = [
  ['pending', 'ready', 'ended'],
  ['done', 'stopped'],
  ['sent', 'unknown', 'refused'],
  ['saved', 'condemned'],
  ['staff', 'person'],
  ['replaced', 'ended'],
  ['open', 'closed'],
  ['upcoming', 'closed'],
  ['reset', 'month'],
  ['settle', 'write-off'],
  ['deny', 'grant'],
  ['granted', 'refused'],
  ['daily', 'weekly', 'monthly'],
  ['claim', 'member'],
]

export function otherState(name: string): string | null {
  const row = stateNames.find((names) => names.includes(name))
  return row ? (row[(row.indexOf(name) + 1) % row.length] ?? null) : null
}
