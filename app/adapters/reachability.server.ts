/** Whether a server answers at an address. Follows no redirect, reads no body, sends nothing. */
export type Reached = { status: number } | { unreachable: string }

/** Asks once, for at most five seconds, and never throws. */
export async function answersAt(url: string): Promise<Reached> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(5_000),
      headers: { 'User-Agent': 'Keymint' },
    })
    await response.body?.cancel()
    return { status: response.status }
  } catch (error) {
    return { unreachable: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer'
  if (error.name === 'TimeoutError') return 'no answer within 5 s'
  const { cause } = error
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : 'no connection'
}
