/** Holds the key in the browser's memory for 30 seconds, or until the page is left. */
import { useCallback, useEffect, useState } from 'react'
import { copyText, selectAll } from './copy'

export const shownSeconds = 30

export type RevealProblem = 'signed-out' | 'not-yet' | 'no-key' | 'too-often' | 'unreachable'

/** The key as one text, and the parts that it has where it has several. */
type Revealed = { key: string; parts: { label: string; value: string }[] }

/** Only what has a label and a value is one. */
const partsOf = (body: object): Revealed['parts'] =>
  'parts' in body && Array.isArray(body.parts)
    ? body.parts.filter(
        (part: { label?: unknown; value?: unknown }): part is { label: string; value: string } =>
          typeof part.label === 'string' && typeof part.value === 'string',
      )
    : []

/** Fetches the key. Throws a RevealProblem's name; never anything that holds the key. */
export async function fetchKey(url: string): Promise<Revealed> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Accept: 'application/json' },
    cache: 'no-store',
  }).catch(() => null)
  if (!response?.headers.get('Content-Type')?.includes('application/json'))
    throw new Error('unreachable')
  const body: unknown = await response.json()
  if (typeof body === 'object' && body !== null && 'key' in body && typeof body.key === 'string')
    return { key: body.key, parts: partsOf(body) }
  throw new Error(
    response.status === 401
      ? 'signed-out'
      : response.status === 409
        ? 'not-yet'
        : response.status === 404
          ? 'no-key'
          : response.status === 429
            ? 'too-often'
            : 'unreachable',
  )
}

export function problemOf(error: unknown): RevealProblem {
  const name = error instanceof Error ? error.message : ''
  return name === 'signed-out' || name === 'not-yet' || name === 'no-key' || name === 'too-often'
    ? name
    : 'unreachable'
}

export function useRevealedKey(url: string, say: (text: string) => void) {
  const [shown, setShown] = useState<Revealed | null>(null)
  const key = shown?.key ?? null
  const [busy, setBusy] = useState<'show' | 'copy' | null>(null)
  const [copied, setCopied] = useState(false)
  const [problem, setProblem] = useState<RevealProblem | null>(null)
  const hide = useCallback(() => setShown(null), [])

  useEffect(() => {
    if (key === null) return
    const timer = setTimeout(hide, shownSeconds * 1000)
    addEventListener('pagehide', hide)
    return () => {
      clearTimeout(timer)
      removeEventListener('pagehide', hide)
    }
  }, [key, hide])

  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 2500)
    return () => clearTimeout(timer)
  }, [copied])

  async function show(): Promise<void> {
    setBusy('show')
    setProblem(null)
    try {
      setShown(await fetchKey(url))
      say(`Your key is shown for ${shownSeconds} seconds.`)
    } catch (error) {
      setProblem(problemOf(error))
    } finally {
      setBusy(null)
    }
  }

  /** Copies without showing. Where the clipboard is blocked, it shows and selects the key instead. */
  async function copy(): Promise<void> {
    setBusy('copy')
    setProblem(null)
    let fetched: Promise<Revealed> | null = null
    const fetchOnce = () => (fetched ??= shown === null ? fetchKey(url) : Promise.resolve(shown))
    try {
      if (await copyText(async () => (await fetchOnce()).key)) {
        setCopied(true)
        say('Your key is in the clipboard.')
        return
      }
      setShown(await fetchOnce())
      requestAnimationFrame(() => {
        const target = document.getElementById('key-text')
        if (target) selectAll(target)
      })
      say('Your browser blocks the clipboard. The key is selected: press Control C.')
    } catch (error) {
      setProblem(problemOf(error))
    } finally {
      setBusy(null)
    }
  }

  return { key, parts: shown?.parts ?? [], busy, copied, problem, show, copy, hide }
}
