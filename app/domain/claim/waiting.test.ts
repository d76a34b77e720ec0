import { expect, test } from 'vitest'
import { currentStep, estimateSeconds, nextPollMs, stepViews, type Progress } from './waiting'

const waiting: Progress = {
  state: 'pending',
  taken: false,
  calling: false,
  delayed: false,
  bound: false,
  revealable: false,
}
const names = (progress: Progress) =>
  stepViews(progress)
    .map((step) => step.state)
    .join(' ')

test('steps go from queued to ready, one at a time', () => {
  expect(names(waiting)).toBe('now next next next next')
  expect(names({ ...waiting, taken: true })).toBe('done now next next next')
  expect(names({ ...waiting, taken: true, calling: true })).toBe('done done now next next')
  expect(names({ ...waiting, state: 'ready' })).toBe('done done done now next')
  expect(names({ ...waiting, state: 'ready', bound: true, revealable: true })).toBe(
    'done done done done done',
  )
})

test('a key whose limits are late is ready all the same, and says so', () => {
  expect(names({ ...waiting, state: 'ready', revealable: true })).toBe(
    'done done done problem done',
  )
  expect(currentStep({ ...waiting, state: 'ready', revealable: true })).toBe(4)
})

test('a done step says how long it took, and only a done one', () => {
  const steps = stepViews({ ...waiting, taken: true, calling: true }, { queued: 0.4, creating: 9 })
  expect(steps[0]).toEqual({ name: 'queued', state: 'done', seconds: 0.4 })
  expect(steps[2]).toEqual({ name: 'creating', state: 'now' })
})

test('with fewer than five finished mints, or no worker, nobody is told a time', () => {
  expect(estimateSeconds(10, [1, 1, 1, 1], 8)).toBeNull()
  expect(estimateSeconds(10, [1, 1, 1, 1, 1], 0)).toBeNull()
})

test('the range grows with the people ahead and its end is on the pessimistic side', () => {
  const alone = estimateSeconds(0, [0.3, 0.3, 0.4, 0.5, 2], 8)
  const crowded = estimateSeconds(150, [0.3, 0.3, 0.4, 0.5, 2], 8)
  expect(alone!.to).toBeGreaterThan(alone!.from)
  expect(crowded!.from).toBeGreaterThan(alone!.from)
  expect(crowded!.to).toBeGreaterThan(19 * 2)
})

// Later when nothing moves, and never once it is over.
test('the next poll is at most two seconds away while waiting', () => {
  expect(nextPollMs(waiting, { peopleAhead: 3, retryInSeconds: 0 })).toBe(1_000)
  expect(nextPollMs(waiting, { peopleAhead: 100, retryInSeconds: 0 })).toBe(2_000)
  expect(nextPollMs(waiting, { peopleAhead: 0, retryInSeconds: 25 })).toBe(5_000)
  expect(nextPollMs({ ...waiting, state: 'refused' }, null)).toBeNull()
  expect(nextPollMs({ ...waiting, state: 'ended' }, null)).toBeNull()
})
