/**
 * A workshop file is read in full or not at all. Guarantee: a workshop that comes out obeys every
 * rule of docs/workshop-files.md; otherwise each problem names file, line, field and remedy, all of
 * them at once. Pure: no files, no clock; it never throws, whatever the text.
 */
import type { Problem, Workshop } from '../workshop-file'
import { Fields } from './fields'
import { quoted } from './problem'
import { readWorkshop } from './read-workshop'
import { readYamlSource } from './yaml-source'

export { formatProblem } from './problem'
export type { Problem } from '../workshop-file'

export type ParsedWorkshop =
  { ok: true; workshop: Workshop; warnings: Problem[] } | { ok: false; problems: Problem[] }

/**
 * Upstream names are `km/<installation>/<slug>/<attempt id>` and `workshop-<slug>`; with two uuids
 * this keeps them below 200.
 */
export const MAX_SLUG_LENGTH = 50

/** Reads one file. `fileName` may have folders before it; they only appear in the problems. */
export function parseWorkshopFile(text: string, fileName: string): ParsedWorkshop {
  const slug = slugOf(fileName)
  const slugProblems = checkSlug(slug, fileName)
  const source = readYamlSource(text, fileName)
  const problems = [...slugProblems, ...source.problems]
  if (source.root === null) return { ok: false, problems: inOrder(problems) }
  const warnings: Problem[] = []
  const workshop = readWorkshop(
    slug,
    new Fields(source.root, fileName, problems),
    problems,
    warnings,
  )
  if (workshop === null || problems.length > 0) return { ok: false, problems: inOrder(problems) }
  return { ok: true, workshop, warnings: inOrder(warnings) }
}

/** `workshops/duckdb-agents.yaml` is `duckdb-agents`. */
export function slugOf(fileName: string): string {
  return fileName.replace(/^.*[/\\]/s, '').replace(/\.ya?ml$/i, '')
}

const MAX_PROBLEMS = 50

function checkSlug(slug: string, file: string): Problem[] {
  const problem = (message: string, remedy: string): Problem[] => [
    { file, line: 1, field: 'slug', message, remedy },
  ]
  if (/\.yml$/i.test(file)) return problem('the file ends in .yml', `rename it to ${slug}.yaml`)
  if (slug.length > MAX_SLUG_LENGTH)
    return problem(
      `the name of the file is longer than ${MAX_SLUG_LENGTH} characters`,
      'shorten it; it is the address of the page',
    )
  if (/^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug)) return []
  const better = slug
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return problem(
    `the name of the file is no address: ${quoted(slug)}`,
    `rename it to ${better === '' ? 'my-workshop' : better}.yaml`,
  )
}

function inOrder(problems: Problem[]): Problem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || (a.column ?? 0) - (b.column ?? 0))
  const last = sorted[MAX_PROBLEMS]
  if (last === undefined) return sorted
  const rest = {
    ...last,
    field: 'file',
    message: `and ${sorted.length - MAX_PROBLEMS} more problems from here on`,
    remedy: 'mend the ones above first',
  }
  return [...sorted.slice(0, MAX_PROBLEMS), rest]
}
