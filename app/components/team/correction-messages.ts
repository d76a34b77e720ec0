/** Messages of the page with corrections. */
export const correctionProblems = {
  'no-key': {
    title: 'Choose a key',
    next: 'Nothing was booked.',
  },
  'bad-amount': {
    title: 'The correction is not an amount',
    next: 'Enter an amount in dollars above zero, such as 20, 12.50 or 0.001. Nothing was booked.',
  },
  'no-reason': {
    title: 'A reason is missing',
    next: 'Enter a reason of 1 to 500 characters. Nothing was booked.',
  },
  'bad-month': {
    title: 'This month has no books',
    next: 'Nothing was booked. Choose a month of the list.',
  },
  'no-such-key': {
    title: 'This key has no books in this month',
    next: 'Nothing was booked. Choose a key of the list.',
  },
  stale: {
    title: 'Somebody corrected this key in the meantime',
    next: 'Nothing was booked. The page shows the present amounts: check whether yours is still due.',
  },
  'below-zero': {
    title: 'Usage cannot go below zero',
    next: 'Nothing was booked.',
  },
} as const
