import type { KeyTestVerdict } from '~/domain/claim/view-types'
import { Callout, type CalloutTone } from '../base/callout'
import { Ago } from '../base/time'

const looks: Record<KeyTestVerdict['verdict'], { tone: CalloutTone; title: string }> = {
  works: { tone: 'ok', title: 'Your key works.' },
  spent: { tone: 'error', title: 'Valid, but spent.' },
  'disabled-or-gone': { tone: 'error', title: 'The provider does not accept it.' },
  expired: { tone: 'plain', title: 'It has ended.' },
  'provider-trouble': { tone: 'warning', title: 'We could not find out.' },
  'not-ready': { tone: 'warning', title: 'Not ready to test.' },
}

export function KeyTest({ verdict }: { verdict: KeyTestVerdict }) {
  const look = looks[verdict.verdict]
  return (
    <Callout tone={look.tone} title={look.title}>
      <p>{verdict.sentence}</p>
      <p className="text-small text-soft">
        Checked <Ago iso={verdict.checkedAt} asOf={verdict.checkedAt} />.
      </p>
    </Callout>
  )
}
