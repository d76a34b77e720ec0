import { expect, test } from 'vitest'
import { clocksMessage } from './clocks'

test.each([
  [
    { browser: 0.4, database: -0.1 },
    'This browser’s clock agrees with the server’s. The database’s clock agrees with the server’s.',
    false,
  ],
  [
    { browser: -90.2, database: 0 },
    'This browser’s clock is 90 s behind the server’s. The database’s clock agrees with the server’s. ' +
      'Correct the one that differs from both others (NTP).',
    true,
  ],
  [
    { browser: 61, database: 60 },
    'This browser’s clock is 61 s ahead of the server’s. The database’s clock is 60 s ahead of the server’s. ' +
      'Correct the one that differs from both others (NTP).',
    true,
  ],
  // Before the page runs its scripts, and without a database.
  [{ browser: null, database: 3 }, /^The database’s clock is 3 s ahead of the server’s\. /, true],
  [{ browser: null, database: null }, '', false],
])('offsets %j are said as they are', (offsets, sentence, isWrong) => {
  expect(clocksMessage(offsets)).toEqual({
    isWrong,
    sentence: typeof sentence === 'string' ? sentence : (expect.stringMatching(sentence) as string),
  })
})
