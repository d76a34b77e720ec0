/** For pages that poll: a failed load shows the last answer instead of an error. */
const answers = new Map<string, unknown>()
const timeoutMs = 10_000

/**
 * Loads through the router. During an outage it returns the last answer of the same address; a
 * refusal (404, 403) is thrown.
 */
export async function keepLastAnswer<Data>(url: string, load: () => Promise<Data>): Promise<Data> {
  const before = answers.get(url) as Data | undefined
  try {
    const data = await (before === undefined ? load() : Promise.race([load(), tooLate()]))
    answers.clear()
    answers.set(url, data)
    return data
  } catch (error) {
    const status =
      error instanceof Response
        ? error.status
        : typeof error === 'object' && error !== null && 'status' in error
          ? Number(error.status)
          : 0
    if (before === undefined || (status > 0 && status < 500)) throw error
    return before
  }
}

/**
 * The answer that came with the document. It is noted when the page runs and not asked for again: a
 * link that is followed while the router still hydrates with loaders gets no data.
 */
export function rememberAnswer(url: string, data: unknown): void {
  if (!answers.has(url)) answers.set(url, data)
}

function tooLate(): Promise<never> {
  return new Promise((_resolve, reject) =>
    setTimeout(() => reject(new Error('no answer in time')), timeoutMs),
  )
}
