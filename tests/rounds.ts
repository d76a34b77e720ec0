/**
 * How often a heavy test repeats itself. `npm run proofs` runs everything in full; `npm test` runs
 * a twentieth of it, which still goes through every kind of step.
 */
export const runsInFull = process.env.KEYMINT_FULL === 'true'

/** `full` repetitions in the proofs, a twentieth of them (rounded up) in the suite. */
export const rounds = (full: number): number => (runsInFull ? full : Math.ceil(full / 20))
