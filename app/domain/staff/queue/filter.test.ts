import { expect, test } from 'vitest'
import { changedSearch, isNarrowed, readQueueQuery } from './filter'

const now = new Date('2026-04-14T12:00:00Z')
const read = (search: string) => readQueueQuery(new URLSearchParams(search), now)

test('an address gives its filter, and what makes no sense is left out', () => {
  expect(read('').filter).toEqual({ tab: 'unfinished' })
  expect(read('tab=nonsense&runs=-3&since=yesterday&within=9y&text=%20&span=week')).toEqual({
    filter: { tab: 'unfinished' },
    within: null,
    span: 'hour',
  })
  expect(
    read('tab=failed&job=mint-key&workshop=w&text=ada&error=abc&runs=3&until=2026-04-14&span=day')
      .filter,
  ).toEqual({
    tab: 'failed',
    job: 'mint-key',
    workshop: 'w',
    text: 'ada',
    error: 'abc',
    runs: 3,
    until: '2026-04-14T00:00:00.000Z',
  })
  expect(read('within=1h').filter.since).toBe('2026-04-14T11:00:00.000Z')
  expect(
    [read('tab=done&job=sweep'), read('within=1h')].map(({ filter }) => isNarrowed(filter)),
  ).toEqual([false, true])
})

test('changing one part keeps the others and goes back to the first page', () => {
  const params = new URLSearchParams('tab=failed&text=ada&after=x&bulk=y&job=')
  expect(changedSearch(params, { tab: 'done' })).toBe('?tab=done&text=ada')
  expect(changedSearch(params, { tab: 'unfinished', text: undefined })).toBe('')
  expect(changedSearch(params, { after: 'z' })).toBe('?tab=failed&text=ada&after=z')
})
