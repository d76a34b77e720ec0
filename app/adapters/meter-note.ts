/** The note that an adapter gets back of its last reading. */
import type { z } from 'zod'

/** Null for none, and for one that is not of this schema: the adapter begins anew. */
export function parseMeterNote<Schema extends z.ZodType>(
  schema: Schema,
  note: string | null,
): z.output<Schema> | null {
  if (note === null) return null
  try {
    const parsed = schema.safeParse(JSON.parse(note))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
