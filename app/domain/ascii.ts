/** The one way in which names that give rights are compared. */

/**
 * Lower-cases A to Z and nothing else. Never `toLowerCase()`: it turns the Kelvin sign into a plain
 * "k", and with it a stranger's address into somebody else's.
 */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
