/** "Test my key" without leaving the page. Without a script the same form answers with a page. */
import { useState, type FormEvent } from 'react'
import { keyTestMessage } from '~/components/claim/key-test'
import type { KeyTestResult } from '~/domain/claim/view-types'

export function useKeyTest(url: string, say: (text: string) => void) {
  const [found, setFound] = useState<KeyTestResult | null>(null)
  const [busy, setBusy] = useState(false)
  const [failed, setFailed] = useState<'too-often' | 'unreachable' | null>(null)

  async function run(): Promise<void> {
    setBusy(true)
    setFailed(null)
    const answer = await ask(url).catch(() => 'unreachable' as const)
    const result = typeof answer === 'string' ? null : answer
    setFound(result)
    setFailed(typeof answer === 'string' ? answer : null)
    setBusy(false)
    if (!result) return say('We could not test your key.')
    const { title, meaning } = keyTestMessage(result)
    say(`${title}. ${meaning}`)
  }

  function submit(event: FormEvent): void {
    event.preventDefault()
    if (!busy) void run()
  }
  return { found, busy, failed, submit }
}

async function ask(url: string): Promise<KeyTestResult | 'too-often' | 'unreachable'> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Accept: 'application/json' },
    cache: 'no-store',
  })
  if (response.status === 429) return 'too-often'
  if (!response.ok || !response.headers.get('Content-Type')?.includes('application/json'))
    return 'unreachable'
  return (await response.json()) as KeyTestResult
}
