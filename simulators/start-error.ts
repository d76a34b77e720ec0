/**
 * A stand-in cannot start and a person can do something about it: the message says what, and no
 * stack trace helps.
 */
export class StartError extends Error {
  override name = 'StartError'
}
