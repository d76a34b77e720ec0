/**
 * The short code of a setup: what a terminal shows and a person types. Without vowels, so that it
 * spells nothing, and without characters that look alike.
 */
import { randomInt } from 'node:crypto'

const letters = 'BCDFGHJKMNPQRSTVWXZ23456789'
const length = 8

/** 27 to the power of 8: with the limit on attempts, nobody guesses one in its ten minutes. */
export const newCode = (): string =>
  Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

/** As it is shown: in two halves. */
export const shownCode = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`

/** What was typed, in any case and with any spaces or dashes; null where it can be no code. */
export function readCode(typed: string): string | null {
  const code = typed
    .slice(0, 64)
    .replace(/[\s\p{Pd}_.]/gu, '')
    .toUpperCase()
  return code.length === length && [...code].every((letter) => letters.includes(letter))
    ? code
    : null
}
