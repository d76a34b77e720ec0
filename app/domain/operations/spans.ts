/**
 * The spans of time that charts can show, and how long a step of each is: counters are kept for
 * these widths and no others.
 */
export const spans = {
  hour: { seconds: 3_600, stepSeconds: 60 },
  day: { seconds: 86_400, stepSeconds: 1_200 },
  week: { seconds: 604_800, stepSeconds: 10_800 },
} as const

export type SpanName = keyof typeof spans

export const stepWidths: number[] = Object.values(spans).map(({ stepSeconds }) => stepSeconds)
