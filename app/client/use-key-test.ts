/** "Test my key" without leaving the page. Without a script the same form answers with a page. */
import { useState, type FormEvent } from 'react'
import type { KeyTestVerdict } from '~/domain/claim/view-types'

export function useKeyTest(url: string, say: (words: string) => void) {
  const [verdict, setVerdict] = useState<KeyTestVerdict | null>(null)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<'too-often' | 'unreachable' | null>(null)

  async function run(): Promise<void> {
    setBusy(true)
    setFailed(null)
    const answer = await ask(url).catch(() => 'unreachable' as const)
    const found = typeof answer === 'string' ? null : answer
    setVerdict(found)
    setFailed(typeof answer === 'string' ? answer : null)
    setBusy(false)
    say(found ? found.sentence : 'The key could not be tested.')
  }

  function submit(event: FormEvent): void {
    event.preventDefault()
    if (!busy) void run()
  }
  return { verdict, busy, failed, submit }
}

async function ask(url: string): Promise<KeyTestVerdict | 'too-often' | 'unreachable'> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Accept: 'application/json' },
    cache: 'no-store',
  })
  if (response.status === 429) return 'too-often'
  if (!response.ok || !response.headers.get('Content-Type')?.includes('application/json'))
    return 'unreachable'
  return (await response.json()) as KeyTestVerdict
}
