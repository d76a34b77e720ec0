/** "Test my key" without leaving the page. Without a script the same form answers with a page. */
import { useState, type FormEvent } from 'react'
import { keyTestMessage } from '~/components/claim/key-test'
import type { KeyTestResult } from '~/domain/claim/view-types'

type Failure = 'signed-out' | 'too-often' | 'unreachable'

/** `onFound` is told of every result: the page then shows what the test has read. */
export function useKeyTest(url: string, say: (text: string) => void, onFound: () => void) {
  const [found, setFound] = useState<KeyTestResult | null>(null)
  const [busy, setBusy] = useState<'key' | 'real' | null>(null)
  const [failed, setFailed] = useState<Failure | null>(null)

  async function run(real: boolean): Promise<void> {
    setBusy(real ? 'real' : 'key')
    setFailed(null)
    const answer = await ask(url, real).catch(() => 'unreachable' as const)
    const result = typeof answer === 'string' ? null : answer
    setFound(result)
    setFailed(typeof answer === 'string' ? answer : null)
    setBusy(null)
    if (!result) return say('We could not test your key.')
    onFound()
    const { title, meaning } = keyTestMessage(result)
    say(`${title}. ${meaning}`)
  }

  /** For both forms; the second one has a field `real`. */
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault()
    if (!busy) void run(new FormData(event.currentTarget).get('real') === 'yes')
  }
  return { found, busy, failed, submit }
}

async function ask(url: string, real: boolean): Promise<KeyTestResult | Failure> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Accept: 'application/json' },
    cache: 'no-store',
    ...(real ? { body: new URLSearchParams({ real: 'yes' }) } : {}),
  })
  if (response.status === 401) return 'signed-out'
  if (response.status === 429) return 'too-often'
  if (!response.ok || !response.headers.get('Content-Type')?.includes('application/json'))
    return 'unreachable'
  return (await response.json()) as KeyTestResult
}
