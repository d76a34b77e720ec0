/**
 * Mutants that behave as the product does, or differ only where nobody can see it, each with the
 * reason. `line` is text of the line (without what is around it), so that a list outlives other
 * changes of the file; one whose line is gone is told.
 */
import type { Mutant } from './mutant'

export type Equivalent = { file: string; line: string; from: string; to: string; reason: string }

const equivalents: Equivalent[] = [
  {
    file: 'app/domain/money/budget-requests.server.ts',
    line: 'coalesce(granted_usd, 0)::text as granted',
    from: 'coalesce(granted_usd, 0)',
    to: '(granted_usd)',
    reason: 'It is null for a refused request alone, of which nobody reads it.',
  },
]

export const equivalentOf = (mutant: Mutant, line: string): Equivalent | undefined =>
  equivalents.find(
    (each) =>
      each.file === mutant.file &&
      line.includes(each.line) &&
      mutant.from === each.from &&
      mutant.to === each.to,
  )
