/** Loaders of pages with little and with much in the database, and the ratio of their medians. */
const rounds = Number(process.env.BENCH_ROUNDS ?? 21)
const warmUps = 5

export type Page<Subject> = { name: string; load: (subject: Subject) => Promise<unknown> }

/**
 * Prints a line for each page: the median milliseconds of its loader for both subjects, and the
 * second over the first. They take turns, so that what else the machine does is shared fairly.
 */
export async function printRatios<Subject>(
  pages: Page<Subject>[],
  [small, large]: [small: Subject, large: Subject],
  [few, many]: [few: string, many: string],
): Promise<void> {
  process.stdout.write(
    `${few.padStart(10)} ${many.padStart(10)} ${'ratio'.padStart(7)}  loader, ms\n`,
  )
  for (const page of pages) {
    const [least, most] = await medians(page, [small, large])
    const ratio = ((most ?? 0) / (least ?? 1)).toFixed(2).padStart(7)
    process.stdout.write(`${ms(least)} ${ms(most)} ${ratio}  ${page.name}\n`)
  }
}

async function medians<Subject>(page: Page<Subject>, subjects: Subject[]): Promise<number[]> {
  const times: number[][] = subjects.map(() => [])
  for (let round = -warmUps; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const startedAt = performance.now()
      await page.load(subject)
      if (round >= 0) times[index]?.push(performance.now() - startedAt)
    }
  }
  return times.map((taken) => taken.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0)
}

const ms = (time: number | undefined) => (time ?? 0).toFixed(2).padStart(10)
