/** What a page says after somebody pressed Retry on a message that was not delivered. */
export const sentAgain = {
  tone: 'ok',
  title: 'The message is sent again',
  next: 'Its answer appears below.',
} as const

export const notFailed = {
  tone: 'warning',
  title: 'Nothing was retried: this message has not failed',
  next: 'Somebody else may have retried it. Its state stands below.',
} as const
