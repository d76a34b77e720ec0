/** A long run that proves something, by its name on the command line. */
export type Proof = { name: string; run: () => Promise<Count[]> }

/** What was claimed, how often it was tried, how often it failed, and the worst time. */
export type Count = { what: string; tried: number; failed: number; worstSeconds?: number }

export function lineOf({ what, tried, failed, worstSeconds }: Count): string {
  const worst = worstSeconds === undefined ? '' : `worst ${worstSeconds.toFixed(1)} s  `
  return [
    failed === 0 && tried > 0 ? 'held  ' : 'BROKEN',
    `tried ${String(tried).padStart(5)}`,
    `failed ${String(failed).padStart(3)}`,
    `${worst}${what}`,
  ].join('  ')
}
