/** Draws a queue's last hour: bars of what was done, wedges of what failed, a line of what waited. */
import { scaleLinear } from 'd3-scale'
import { line } from 'd3-shape'
import type { SparklineView } from '~/components/staff/queue/sparkline'
import type { QueueView } from '~/domain/staff/queue/schedules.server'

const width = 240
const height = 36

export function sparkline(hour: QueueView['hour']): SparklineView {
  const most = Math.max(1, ...hour.flatMap(({ done, failed, waiting }) => [done, failed, waiting]))
  const y = scaleLinear([0, most], [height - 1, 2])
  const step = width / Math.max(1, hour.length)
  const at = (place: number) => round(place * step)
  const marks = (
    of: (minute: QueueView['hour'][number]) => number,
    shape: (x: number, top: number) => string,
  ) =>
    hour
      .map((minute, place) => (of(minute) > 0 ? shape(at(place), round(y(of(minute)))) : ''))
      .join('')
  const base = height - 1
  const sum = (of: (minute: QueueView['hour'][number]) => number) =>
    hour.reduce((total, minute) => total + of(minute), 0)
  const waited = Math.max(0, ...hour.map(({ waiting }) => waiting))
  return {
    width,
    height,
    done: marks(
      ({ done }) => done,
      (x, top) => `M${x},${base}h${round(step - 1)}V${top}h-${round(step - 1)}Z`,
    ),
    failed: marks(
      ({ failed }) => failed,
      (x, top) =>
        `M${x - 1},${base}L${round(x + step / 2 - 0.5)},${top}L${round(x + step)},${base}Z`,
    ),
    waiting:
      waited === 0
        ? ''
        : (line<{ waiting: number }>()
            .x((_, place) => at(place) + step / 2)
            .y(({ waiting }) => round(y(waiting)))(hour) ?? ''),
    sentence: sentenceOf(
      sum(({ done }) => done),
      sum(({ failed }) => failed),
      waited,
    ),
  }
}

function sentenceOf(done: number, failed: number, waited: number): string {
  const number = (value: number) => value.toLocaleString('en-US')
  if (done + failed + waited === 0) return 'Nothing ran in the last hour.'
  return (
    `${number(done)} done and ${number(failed)} failed in the last hour; ` +
    (waited === 0 ? 'none waited long.' : `at most ${number(waited)} waited.`)
  )
}

const round = (value: number) => Math.round(value * 10) / 10
