/**
 * Asks Postgres what a statement would answer, without running it: the extended protocol's Parse
 * and Describe. Types of parameters are inferred, as they are when Prisma sends the statement.
 */
import type pg from 'pg'

export type Column = { name: string; type: number }
export type Described =
  | { columns: Column[]; error?: undefined }
  /** `position` counts characters of the text, from one. */
  | { columns?: undefined; error: { message: string; position: number | null } }

type Wire = {
  parse(query: { text: string; name: string; types: number[] }): void
  describe(what: { type: 'S'; name: string }): void
  sync(): void
}

/** What node-postgres calls while the answer comes in. Nothing is bound and nothing is executed. */
class Description {
  private columns: Column[] = []

  constructor(
    private readonly text: string,
    private readonly done: (described: Described) => void,
  ) {}

  submit(connection: Wire): void {
    connection.parse({ text: this.text, name: '', types: [] })
    connection.describe({ type: 'S', name: '' })
    connection.sync()
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.columns = message.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }))
  }

  // node-postgres lets go of a query that has failed: handleReadyForQuery is not called for it.
  handleError(error: Error & { position?: string }): void {
    const position = error.position === undefined ? null : Number(error.position)
    this.done({ error: { message: error.message, position } })
  }

  handleReadyForQuery(): void {
    this.done({ columns: this.columns })
  }
}

export function describeStatement(client: pg.Client, text: string): Promise<Described> {
  return new Promise((resolve) => {
    client.query(new Description(text, resolve) as unknown as pg.Submittable)
  })
}

/** The names of types by their numbers, and of what a list consists. */
export async function readTypes(
  client: pg.Client,
): Promise<Map<number, { name: string; element: number | null; isEnum: boolean }>> {
  const { rows } = await client.query<{
    oid: number
    name: string
    element: number
    category: string
    isEnum: boolean
  }>(`select t.oid::int as oid, t.typname as name, t.typelem::int as element, t.typcategory as category,
      t.typtype = 'e' as "isEnum" from pg_type t`)
  return new Map(
    rows.map(({ oid, name, element, category, isEnum }) => [
      oid,
      { name, element: category === 'A' && element !== 0 ? element : null, isEnum },
    ]),
  )
}
