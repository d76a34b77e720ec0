/**
 * The samples of the demo, by slug and title. Copied to a public deployment as they are, they give
 * keys to anybody with an account for years.
 */
import type { Workshop } from '../workshop-file'

const samples: Record<string, string> = {
  'duckdb-agents': 'Build an analytics agent on DuckDB',
  'evals-clinic': 'Evals clinic: bring your own prompt',
  'members-evening': "Members' evening: agents on your own documents",
  'open-source-keys': 'A small key for open source',
  'typed-agents-tutorial': 'Typed agents: from prototype to production',
}

/** A file that still has the title of the sample that it is named after. */
export const isSample = ({ slug, title }: Pick<Workshop, 'slug' | 'title'>): boolean =>
  Object.hasOwn(samples, slug) && samples[slug] === title
