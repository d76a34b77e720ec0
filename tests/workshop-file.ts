/** A good workshop file and a good giveaway, to be changed line by line. */
import { formatProblem, parseWorkshopFile, type Problem } from '~/domain/workshop/parse'
import type { Workshop } from '~/domain/workshop-file'

/** Line by line, so that a test can name the line it changes. */
const GOOD: Record<string, string> = {
  title: 'Build an analytics agent on DuckDB', // 1
  kind: 'workshop', // 2
  claims_open_at: '2026-04-14T08:30:00+02:00', // 3
  claims_close_at: '2026-04-14T18:00:00+02:00', // 4
  allowed_models: '[anthropic/claude-sonnet-4.6, openai/gpt-5-nano]', // 5
  limit_usd: '300', // 6
  key_limit_usd: '2', // 7
  key_limit_reset: 'null', // 8
  key_expires_at: '2026-04-15T00:00:00Z', // 9
  providers: '[github, google]', // 10
  marketing_opt_in: 'Tell me about the next workshop', // 11
  max_keys: '150', // 12
  timezone: 'Europe/Berlin', // 13
  organizer: 'PyCon DE <workshops@example.org>', // 14
}

export const GIVEAWAY: Record<string, string> = {
  title: 'A key for everyone', // 1
  kind: 'giveaway', // 2
  allowed_models: '[openai/gpt-5-nano]', // 3
  key_limit_usd: '0.25', // 4
  key_limit_reset: 'daily', // 5
  key_expires_in: '90d', // 6
  providers: '[github]', // 7
  max_keys: '500', // 8
  acknowledged_terms: 'true', // 9
  organizer: 'PyCon DE <workshops@example.org>', // 10
}

/** `null` takes a field out; a new field goes to the end. */
export function fileWith(change: Record<string, string | null>, base = GOOD): string {
  return Object.entries({ ...base, ...change })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`.trimEnd())
    .join('\n')
}

export function problemsOf(text: string, fileName = 'workshops/foo.yaml'): Problem[] {
  const parsed = parseWorkshopFile(text, fileName)
  return parsed.ok ? [] : parsed.problems
}

export function workshopOf(text: string): Workshop {
  const parsed = parseWorkshopFile(text, 'workshops/foo.yaml')
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'))
  return parsed.workshop
}

/** `line field` of every problem, and the words of the first. */
export function brief(text: string): string[] {
  return problemsOf(text).map((problem) => `${problem.line} ${problem.field}`)
}
