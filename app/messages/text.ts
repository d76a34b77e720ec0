/** Small pieces of sentences. */

/** "1,200": numbers of people and things, the same on every page. */
export const numberText = (value: number): string => value.toLocaleString('en-US')

/** "1 key", "1,200 keys" */
export const counted = (number: number, noun: string, plural = `${noun}s`): string =>
  `${numberText(number)} ${number === 1 ? noun : plural}`

/** "a, b, c and 4 more" */
export const listed = (items: readonly string[], max = 8): string =>
  items.length > max
    ? `${items.slice(0, max).join(', ')} and ${items.length - max} more`
    : items.join(', ')

/** "90 s", "5 min", "3 h" */
export function spanOf(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

/** Text of others as a sentence of ours: with one full stop. */
export const sentenceOf = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`)

/** The same, to stand inside a sentence. */
export const withoutStop = (text: string): string => text.replace(/\.$/, '')

/** What was found, and what to do; null where nothing is to be done. */
export type Message = { sentence: string; remedy: string | null }
