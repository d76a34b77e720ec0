/** Charts say in a sentence what they draw, and draw nothing that is not a number. */
import { expect, test } from 'vitest'
import type { Activity } from '~/domain/staff/series.server'
import { activityCharts } from './charts.server'

const from = '2026-04-14T08:00:00.000Z'
const at = (minute: number) => new Date(Date.parse(from) + minute * 60_000).toISOString()
const empty: Activity = {
  from,
  to: at(60),
  stepSeconds: 60,
  points: Array.from({ length: 60 }, (_, minute) => ({
    at: at(minute),
    claims: 0,
    keys: 0,
    refused: 0,
    p50: null,
    p95: null,
  })),
  spend: [],
  claims: 0,
  keys: 0,
  p50: null,
  p95: null,
}

test('without anything to show there is a sentence and no picture', () => {
  for (const chart of activityCharts(empty)) {
    expect(chart.empty, chart.title).toBe(true)
    expect(chart.sentence, chart.title).toMatch(/^No/)
  }
})

test('a busy hour has bars, lines that break off where nothing is known, and every value in the table', () => {
  const points = empty.points.map((point, minute) =>
    minute === 5 || minute === 6 || minute === 40
      ? { ...point, claims: 10 + minute, keys: 10, p50: 2.5, p95: 7 }
      : point,
  )
  const spend = [10, 20, 30].map((minute) => ({ at: at(minute), usd: minute / 100 }))
  const [claims, waits, spent] = activityCharts({
    ...empty,
    points,
    spend,
    claims: 81,
    keys: 30,
    p50: 2.5,
    p95: 7,
  })
  expect(claims?.sentence).toBe(
    '81 claims and 30 keys created between 08:00 and 09:00 UTC; the peak was 50 a minute, at 08:40.',
  )
  expect(claims?.table.rows.map((row) => row[0])).toEqual(['08:05', '08:06', '08:40'])
  expect(waits?.sentence).toBe(
    'Half of all first keys took at most 2.5 s, 95 of 100 at most 7 s (within an eighth).',
  )
  expect(waits?.lines[1]?.path.match(/M/g)).toHaveLength(2)
  expect(spent?.sentence).toBe('$0.30 spent in total at 08:30 UTC, $0.20 of it since 08:10.')
  for (const chart of [claims, waits, spent])
    for (const line of chart?.lines ?? []) expect(line.path).not.toMatch(/NaN|undefined|Infinity/)
})

test.each([0.0003, 0.02, 0.1, 0.15, 0.9, 3, 700])(
  'no two marks of an axis that ends at %s read alike',
  (largest) => {
    const points = empty.points.map((point, minute) =>
      minute === 5 ? { ...point, claims: 1, keys: 1, p50: largest, p95: largest } : point,
    )
    const charts = activityCharts({
      ...empty,
      points,
      spend: [{ at: at(10), usd: largest }],
      p50: largest,
      p95: largest,
    })
    for (const { title, yTicks } of charts) {
      const labels = yTicks.map(({ label }) => label)
      expect(new Set(labels).size, `${title}: ${labels.join(' | ')}`).toBe(labels.length)
    }
  },
)
