import { Form, useNavigation } from '@remix-run/react'
import type { SubKeyTest, SubKeyView } from '~/domain/team/view-types'
import { Button } from '../base/button'
import { Callout, type CalloutTone } from '../base/callout'
import { serviceTitle } from './sub-key-messages'

type Message = { tone: CalloutTone; title: string; meaning: string }

/** What a test has found, and what to do about it. */
function subKeyTestMessage({ result, left, detail }: SubKeyTest, service: string): Message {
  switch (result) {
    case 'works':
      return {
        tone: 'ok',
        title: 'The key works',
        meaning: `${service} has it enabled${left ? `, and ${left.text} of its cap is left` : ''}.`,
      }
    case 'spent':
      return {
        tone: 'error',
        title: 'The cap of the key is spent',
        meaning: 'Requests with it fail. Raise its cap, or wait until it starts again.',
      }
    case 'disabled':
      return {
        tone: 'error',
        title: `The key is disabled at ${service}`,
        meaning:
          'Requests with it fail. If nobody disabled it in Keymint, somebody did it there: enable ' +
          'it there, or replace it.',
      }
    case 'missing':
      return {
        tone: 'error',
        title: `${service} does not have this key`,
        meaning: 'Somebody deleted it there. Replace it, or delete it here.',
      }
    case 'account-out-of-credit':
      return {
        tone: 'error',
        title: 'The account is out of credit',
        meaning: `The key is fine, but ${service} refuses requests until an owner adds credit.`,
      }
    case 'credential-refused':
      return {
        tone: 'error',
        title: `${service} does not accept the team’s credential`,
        meaning:
          'The key itself may still work, but nothing can be read or changed. An owner must ' +
          'replace the credential in the vault.',
      }
    case 'no-credential':
      return {
        tone: 'error',
        title: 'The credential of this key cannot be used',
        meaning: 'The vault says why. An owner must enable or replace it there.',
      }
    case 'not-live':
      return {
        tone: 'plain',
        title: 'There is no live key to test',
        meaning: 'It has ended, or is not ready yet.',
      }
    case 'no-answer':
      return {
        tone: 'warning',
        title: `${service} did not answer`,
        meaning: `${detail ? `It says: ${detail} ` : ''}That says nothing about the key. Try again in a minute.`,
      }
  }
}

/** Asks the service about the key now; the answer stands below the button. */
export function SubKeyTestForm({ view, found }: { view: SubKeyView; found: SubKeyTest | null }) {
  const navigation = useNavigation()
  const busy = navigation.state !== 'idle' && navigation.formData?.get('intent') === 'test'
  const message = found && subKeyTestMessage(found, serviceTitle(view.service))
  return (
    <Form method="post" className="no-print mt-4 max-w-[34rem] space-y-4" preventScrollReset>
      <Button type="submit" name="intent" value="test" busy={busy} busyText="Testing…">
        Test this key
      </Button>
      <div role="status">
        {message && !busy ? (
          <Callout tone={message.tone} title={message.title}>
            <p>{message.meaning}</p>
          </Callout>
        ) : null}
      </div>
    </Form>
  )
}
