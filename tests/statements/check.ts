/** Every statement of the product against a database: what does not fit, by file and line. */
import pg from 'pg'
import { compareColumns } from './columns'
import { describeStatement, readTypes } from './describe'
import type { Source } from './program'
import { at, placeIn, type Resolved, type Variant } from './resolve'

export type Checked = { faults: string[]; statements: number; variants: number; capped: string[] }

export async function checkStatements(
  source: Source,
  resolved: Resolved[],
  url: string,
): Promise<Checked> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const types = await readTypes(client)
    const faults = new Set<string>()
    let variants = 0
    for (const { statement, variants: texts } of resolved)
      for (const variant of texts) {
        variants++
        const { columns, error } = await describeStatement(client, variant.text)
        if (error) {
          const place =
            error.position === null ? null : placeIn(source, variant, error.position - 1)
          faults.add(said(place ?? at(source, statement.node), error.message, variant))
        } else if (statement.row)
          for (const fault of compareColumns(source, statement.row, columns, types))
            faults.add(said(at(source, statement.node), fault, variant))
      }
    return {
      faults: onePerPlace([...faults]),
      statements: resolved.length,
      variants,
      capped: resolved.filter(({ capped }) => capped).map(({ statement }) => statement.name),
    }
  } finally {
    await client.end()
  }
}

const said = (place: string, fault: string, { text }: Variant) =>
  `${place}: ${fault}\n    ${text.replace(/\s+/g, ' ').trim()}`

/** One fault in a fragment shows in every statement that has it: the first is enough. */
function onePerPlace(faults: string[]): string[] {
  const first = new Map<string, string>()
  for (const fault of faults) {
    const [head = ''] = fault.split('\n')
    if (!first.has(head)) first.set(head, fault)
  }
  return [...first.values()]
}
