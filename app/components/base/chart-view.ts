/** A chart as the server has drawn it: paths and labels, nothing left to compute in the browser. */
export type ChartLine = {
  name: string
  path: string
  look: 'line' | 'dashes' | 'dots' | 'area' | BarLook
}
/** Bars that stand on each other differ in lightness, not in colour alone. */
export type BarLook = 'bars' | 'bars-2' | 'bars-3' | 'bars-4' | 'bars-5' | 'bars-6'

export const isBars = (look: ChartLine['look']): look is BarLook => look.startsWith('bars')

export type ChartView = {
  title: string
  /** What the picture shows, for those who would rather read. */
  sentence: string
  width: number
  height: number
  /** Where the drawing begins, right of the labels of the vertical axis. */
  left: number
  lines: ChartLine[]
  yTicks: { y: number; label: string }[]
  xTicks: { x: number; label: string; anchor: 'start' | 'middle' | 'end' }[]
  table: { head: string[]; rows: string[][] }
  /** There is nothing to draw; the sentence says so. */
  empty: boolean
}
