import { cut } from '~/text'
import type { Problem } from '../workshop-file'

/**
 * One line: `workshops/foo.yaml:12 key_limit_usd: is not an amount of money → write 2 or 0.50`.
 */
export function formatProblem(problem: Problem): string {
  return `${problem.file}:${problem.line} ${problem.field}: ${problem.message}  → ${problem.remedy}`
}

/**
 * A value as it may be quoted in a message: on one line, short, without control or direction marks.
 */
export function quoted(value: string): string {
  const plain = value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '·')
  const letters = Array.from(cut(plain, 200))
  return `"${letters.length > 60 ? `${letters.slice(0, 57).join('')}…` : plain}"`
}

/** The candidate a person most likely meant, or null when none is near. */
export function didYouMean(written: string, candidates: readonly string[]): string | null {
  const wanted = snakeCase(written.slice(0, 60))
  if (wanted.length < 2) return null
  let best: { candidate: string; distance: number } | null = null
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (
      distance <= Math.max(1, Math.floor(candidate.length / 3)) &&
      (best === null || distance < best.distance)
    )
      best = { candidate, distance }
  }
  return best?.candidate ?? null
}

function snakeCase(text: string): string {
  return text
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/[\s-]+/g, '_')
    .toLowerCase()
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
