import type { KeyTestVerdict } from '~/domain/claim/view-types'
import { Callout, type Tone } from '../base/callout'
import { Ago } from '../base/time'

const looks: Record<KeyTestVerdict['verdict'], { tone: Tone; title: string }> = {
  works: { tone: 'mint', title: 'Your key works.' },
  spent: { tone: 'brick', title: 'Valid, but spent.' },
  'disabled-or-gone': { tone: 'brick', title: 'The provider does not accept it.' },
  expired: { tone: 'plain', title: 'It has ended.' },
  'provider-trouble': { tone: 'amber', title: 'We could not find out.' },
  'not-ready': { tone: 'amber', title: 'Not ready to test.' },
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
