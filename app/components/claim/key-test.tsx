import type { KeyTestResult } from '~/domain/claim/view-types'
import { Callout, type CalloutTone as Tone } from '../base/callout'
import { Ago } from '../base/time'

type Result = KeyTestResult['result']

const tones: Record<Result, Tone> = {
  works: 'ok',
  spent: 'error',
  'disabled-or-gone': 'error',
  expired: 'plain',
  'provider-error': 'warning',
  'not-ready': 'warning',
}

/** What a test of a key has found: a title and a sentence. */
export function keyTestMessage({ result, left }: KeyTestResult): {
  title: string
  meaning: string
} {
  switch (result) {
    case 'works':
      return {
        title: 'Your key works',
        meaning: left ? `It has ${left.text} left.` : 'The provider accepts it.',
      }
    case 'spent':
      return {
        title: 'Valid, but spent',
        meaning:
          'Its whole budget is used up. The provider answers each request with 403 “Key limit exceeded”.',
      }
    case 'disabled-or-gone':
      return {
        title: 'The provider does not accept it',
        meaning: 'It was disabled or removed there. Show this page to the organiser.',
      }
    case 'expired':
      return {
        title: 'It has expired',
        meaning: 'The provider refuses it. You cannot use the rest.',
      }
    case 'provider-error':
      return {
        title: 'We could not find out',
        meaning: 'The provider did not answer. Your key may be fine: try again in a minute.',
      }
    case 'not-ready':
      return {
        title: 'Not ready to test',
        meaning: 'We are still making your key. Test it once it is ready.',
      }
  }
}

export function KeyTest({ found }: { found: KeyTestResult }) {
  const { title, meaning } = keyTestMessage(found)
  return (
    <Callout tone={tones[found.result]} title={title}>
      <p>{meaning}</p>
      <p className="text-small text-soft">
        Checked <Ago iso={found.checkedAt} asOf={found.checkedAt} />.
      </p>
    </Callout>
  )
}
