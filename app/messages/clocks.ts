/** How the clocks of a browser and of the database stand to the server’s that made the page. */
export type ClockOffsets = {
  /** Seconds ahead of the server; null where it is not known. */
  browser: number | null
  database: number | null
}

/** What an answer takes on its way is no difference. */
const tolerance = { browser: 5, database: 2 }

export function clocksMessage({ browser, database }: ClockOffsets): {
  sentence: string
  isWrong: boolean
} {
  const parts = [
    partOf('This browser’s clock', browser, tolerance.browser),
    partOf('The database’s clock', database, tolerance.database),
  ].filter((part) => part !== null)
  const isWrong = parts.some((part) => part.isWrong)
  const sentences = parts.map((part) => part.sentence)
  if (isWrong) sentences.push('Correct the one that differs from both others (NTP).')
  return { sentence: sentences.join(' '), isWrong }
}

function partOf(whose: string, seconds: number | null, tolerated: number) {
  if (seconds === null) return null
  const isWrong = Math.abs(seconds) > tolerated
  return {
    isWrong,
    sentence: isWrong
      ? `${whose} is ${Math.round(Math.abs(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'} the server’s.`
      : `${whose} agrees with the server’s.`,
  }
}
