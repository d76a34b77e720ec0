import type { KeyTestResult } from '~/domain/claim/view-types'
import { Callout, type CalloutTone as Tone } from '../base/callout'
import { Ago } from '../base/time'

type Result = KeyTestResult['result']

const tones: Record<Result, Tone> = {
  works: 'ok',
  answers: 'ok',
  'account-out-of-credit': 'error',
  'requests-fail': 'warning',
  'model-refused': 'error',
  'slow-down': 'warning',
  'no-model': 'plain',
  spent: 'error',
  'disabled-or-gone': 'error',
  expired: 'plain',
  'provider-error': 'warning',
  'not-ready': 'warning',
}

/** What a test of a key has found: a title and a sentence. */
export function keyTestMessage({ result, left, model }: KeyTestResult): {
  title: string
  meaning: string
} {
  switch (result) {
    case 'works':
      return {
        title: 'Your key works',
        meaning: left
          ? `The provider accepts it, and it has ${left.text} left.`
          : 'The provider accepts it.',
      }
    case 'answers':
      return {
        title: 'Your key works',
        meaning: `${model} answered one real request, paid from your budget.`,
      }
    case 'account-out-of-credit':
      return {
        title: 'The organiser’s account is out of credit',
        meaning:
          'Your key is fine, but the account that pays for it is empty: requests fail with 402. ' +
          'Tell the organiser. Your key works as soon as there is credit.',
      }
    case 'requests-fail':
      return {
        title: 'The provider fails requests at the moment',
        meaning: `Your key is fine, but ${model} did not answer. Wait a minute and try again.`,
      }
    case 'model-refused':
      return {
        title: 'The provider refuses this model',
        meaning: `Your key is fine, but it may not use ${model} now. Tell the organiser.`,
      }
    case 'slow-down':
      return {
        title: 'Too many requests at the moment',
        meaning: `Your key is fine. ${model} is busy: wait a minute and try again.`,
      }
    case 'no-model':
      return {
        title: 'There is no model to try',
        meaning: 'Your key is fine. It may use free variants only, which we do not test.',
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
