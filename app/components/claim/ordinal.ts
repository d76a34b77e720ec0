const rules = new Intl.PluralRules('en-US', { type: 'ordinal' })
const endings: Record<string, string> = { one: 'st', two: 'nd', few: 'rd' }

/** "1st", "2nd", "11th", "1,003rd" */
export const ordinal = (number: number): string =>
  `${number.toLocaleString('en-US')}${endings[rules.select(number)] ?? 'th'}`
