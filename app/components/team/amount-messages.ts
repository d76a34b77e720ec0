/** What a field for dollars says to anything else. */
export const positiveAmount = 'Enter an amount in dollars above zero, such as 20 or 12.50.'
export const anyAmount = 'Enter an amount in dollars, such as 100 or 12.50.'
