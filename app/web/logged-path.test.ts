import { expect, test } from 'vitest'
import { loggedPath } from './logged-path'

test('the token of an invitation is in no log, in any shape of its address', () => {
  expect(
    ['/t/join/secret', '/t/join/secret.data', '/t/join/', '/t/data-team/store', '/w/join/x'].map(
      loggedPath,
    ),
  ).toEqual(['/t/join/…', '/t/join/…', '/t/join/', '/t/data-team/store', '/w/join/x'])
})
