/**
 * A key that somebody pastes never leaves the browser: what is sent is its SHA-256, which is also
 * the provider's name for it.
 */
import type { SubmitFunction } from '@remix-run/react'
import type { FormEvent } from 'react'

const looksLikeKey = (text: string) => /^sk-[\w-]{8,}$/.test(text.trim())

export async function hashOfKey(key: string): Promise<string> {
  const bytes = new TextEncoder().encode(key.trim())
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Before a form is sent: a key in this field is replaced by its hash. */
export function keepKeyHere(
  event: FormEvent<HTMLFormElement>,
  name: string,
  submit: SubmitFunction,
): void {
  const form = event.currentTarget
  const field = form.elements.namedItem(name)
  if (!(field instanceof HTMLInputElement) || !looksLikeKey(field.value)) return
  event.preventDefault()
  void hashOfKey(field.value).then((hash) => {
    field.value = hash
    submit(form)
  })
}
