import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { Lane, nextStretch } from './load'
import { stretched } from './stretch'

afterEach(() => vi.useRealTimers())

const calm = { utilization: 0.3, waitMs: 1, polls: 100, answered: 100 }

/** So many people who ask as they are told, at a process that answers `perSecond`. */
function watchersOf(people: number, perSecond: number, seconds: number): number[] {
  const stretches: number[] = []
  let stretch = 1
  let told = people
  for (let at = 0; at < seconds; at += stretched(1_000, stretch) / 1_000) {
    const polls = told / stretch
    const answered = Math.min(polls, perSecond)
    stretch = nextStretch(stretch, {
      utilization: Math.min(1, polls / perSecond),
      waitMs: polls > perSecond ? 1_000 : 5,
      polls,
      answered,
    })
    told = people
    stretches.push(stretch)
  }
  return stretches
}

test('with few people nothing is stretched', () => {
  expect(watchersOf(300, 1_000, 20).every((stretch) => stretch === 1)).toBe(true)
})

test('whatever the crowd, the stretch comes to rest where the process can answer, and not far above', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 5_000 }),
      fc.integer({ min: 250, max: 2_000 }),
      (n, c) => {
        const last = watchersOf(n, c, 240).slice(-5)
        for (const stretch of last) {
          expect(n / stretch).toBeLessThanOrEqual(c)
          expect(stretch).toBeLessThanOrEqual(Math.max(1, (3 * n) / c))
        }
      },
    ),
  )
})

test('when people leave, intervals become short again', () => {
  let stretch = 10
  for (let look = 0; look < 10; look++) stretch = nextStretch(stretch, calm)
  expect(stretch).toBe(1)
})

test('an interval is never told shorter than usual, and a long one is not stretched past a minute', () => {
  expect(stretched(1_000, 1)).toBe(1_000)
  expect(stretched(1_000, 4)).toBe(4_000)
  expect(stretched(30_000, 10)).toBe(60_000)
  expect(stretched(90_000, 10)).toBe(90_000)
})

test('who comes first is served first, who sends something goes before who looks, and nobody waits for ever', () => {
  vi.useFakeTimers()
  const lane = new Lane({ atOnce: 1, inLine: 2, patienceMs: 500 })
  const seen: string[] = []
  const ends: (() => void)[] = []
  const enter = (name: string, first = false) =>
    lane.enter(
      (end) => {
        seen.push(name)
        ends.push(end)
      },
      () => seen.push(`${name} refused`),
      { first },
    )
  enter('a')
  enter('b')
  enter('form', true)
  enter('d')
  expect(seen).toEqual(['a', 'd refused'])
  ends[0]!()
  // Ending twice frees one place only.
  ends[0]!()
  expect(seen.at(-1)).toBe('form')
  vi.advanceTimersByTime(500)
  expect(seen.at(-1)).toBe('b refused')
  ends[1]!()
  enter('e')
  expect(seen.at(-1)).toBe('e')
  expect(lane.look().begun).toBe(3)
})
