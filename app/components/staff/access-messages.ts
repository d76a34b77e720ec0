/** Why somebody asks to be let in, for staff. */
const labels: Record<string, string> = {
  'account-too-new': 'Their GitHub account is too new',
  'wrong-domain': 'Their address is of another domain',
  'not-on-roster': 'They are not on the roster',
  'code-needed': 'They have no code',
}

export const refusedForLabel = (reason: string): string => labels[reason] ?? 'A rule refused them'

/** "line 3", "lines 3, 5 and 9 more" */
export const linesLabel = (lines: number[]): string => {
  const shown = lines.slice(0, 8).join(', ')
  const more = lines.length > 8 ? ` and ${lines.length - 8} more` : ''
  return `${lines.length === 1 ? 'line' : 'lines'} ${shown}${more}`
}

/** "2 people are let in. 1 was before." */
export const grantedLabel = ({ made, had }: { made: number; had: number }): string =>
  [
    made === 1 ? '1 person is let in.' : `${made.toLocaleString('en-US')} people are let in.`,
    had === 0 ? '' : had === 1 ? '1 was before.' : `${had.toLocaleString('en-US')} were before.`,
  ]
    .filter((part) => part !== '')
    .join(' ')
