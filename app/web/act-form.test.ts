/** The form of an action on claims: what it asks for before anything happens. */
import { expect, test } from 'vitest'
import { needsTyping, readActRequest } from './act-form.server'

const ids = [
  '00000000-0000-4000-8000-000000000001',
  '00000000-0000-4000-8000-000000000002',
] as const
const asked = (query: string) => needsTyping(readActRequest(new URLSearchParams(query), 'UTC'))

test('what stops many keys, or all, is typed to confirm; one key alone is not', () => {
  for (const action of ['disable', 'revoke']) {
    expect(asked(`action=${action}&claim=${ids[0]}`)).toBe(false)
    expect(asked(`action=${action}&claim=${ids[0]}&claim=${ids[1]}`)).toBe(true)
    expect(asked(`action=${action}&all=yes`)).toBe(true)
  }
  expect(asked('action=end')).toBe(true)
  for (const action of ['enable', 'bind', 'retry', 're-issue'])
    expect(asked(`action=${action}&all=yes`)).toBe(false)
})
