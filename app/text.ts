/**
 * Text from outside, made safe to keep. Cutting by code units may leave half a character, which no
 * database and no JSON parser of another language takes.
 */

/**
 * What a person wrote, without control characters (lines stay) and without those that turn the
 * direction of what follows. Empty when nothing of it can be seen.
 */
export function visible(text: string): string {
  const plain = text
    .replace(/(?![\n\r\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
    .trim()
  return /[^\s\p{Cf}\p{Mn}\u115f\u1160\u2800\u3164\uffa0]/u.test(plain) ? plain : ''
}

/** Without line breaks: each stretch of white space is one space. */
export const oneLine = (text: string): string => text.replace(/\s+/gu, ' ')

/** At most `max` UTF-16 code units, never half a character. What was broken before is replaced. */
export function cut(text: string, max: number): string {
  return text
    .slice(0, max)
    .replace(/[\uD800-\uDBFF]$/, '')
    .toWellFormed()
}

/** What somebody typed, with a full stop where no mark ends it: more sentences follow. */
export function asSentence(text: string): string {
  const trimmed = text.trimEnd()
  return /[.!?…][)”"'’]*$/u.test(trimmed) ? trimmed : `${trimmed}.`
}
