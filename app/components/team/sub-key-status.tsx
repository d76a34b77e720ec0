import type { StepView } from '~/domain/claim/view-types'
import type { SubKeyView } from '~/domain/team/view-types'
import { Callout } from '../base/callout'
import { StepList } from '../claim/step-list'
import { delayWords, endingWords } from './sub-key-words'

/** Where a key stands that is not simply ready, and what happens next. */
export function SubKeyStatus({ view }: { view: SubKeyView }) {
  switch (view.phase) {
    case 'pending':
      return (
        <div className="space-y-4">
          <StepList steps={subKeySteps(view)} />
          {view.delay ? (
            <Callout tone="warning" title="It takes longer.">
              <p>{delayWords[view.delay.reason] ?? delayWords['upstream-trouble']}</p>
            </Callout>
          ) : null}
          <p className="text-soft">
            You can close this page: the key is made all the same. Its cap is set aside already.
          </p>
        </div>
      )
    case 'changing':
      return (
        <Callout
          tone="plain"
          title={`The cap is changing to ${view.wantedCap?.text ?? 'another amount'}.`}
        >
          <p>
            It counts when the provider has confirmed it, in a few seconds as a rule. The key works
            meanwhile.
          </p>
        </Callout>
      )
    case 'rotating':
      return (
        <Callout tone="plain" title="The key is being replaced.">
          <p>
            The old one is switched off first, then a new one is made with what is left of the
            budget.
          </p>
        </Callout>
      )
    case 'settling':
      return (
        <Callout tone="plain" title="It has ended.">
          <p>
            {endingWords(view)}{' '}
            {view.committed.usd > 0
              ? `Up to ${view.committed.text} comes back to the budget once the provider has been read for the last time, a few minutes after it was switched off.`
              : ''}
          </p>
        </Callout>
      )
    case 'ended':
      return (
        <Callout tone="plain" title="It has ended, and its account is closed.">
          <p>{endingWords(view)} What it had not spent is free again.</p>
        </Callout>
      )
    case 'refused':
      return (
        <Callout tone="error" title="The key was not made.">
          <p>
            {endingWords(view)} {view.detail ? `It said: “${view.detail}”` : ''}
          </p>
          <p>
            Nothing was spent, and what was set aside is free again. Make another, or tell an owner.
          </p>
        </Callout>
      )
    case 'ready':
      return view.changeError ? (
        <Callout tone="warning" title="The cap was not changed.">
          <p>
            The provider refused: “{view.changeError}” It stays at {view.cap.text}.
          </p>
        </Callout>
      ) : null
  }
}

export function subKeySteps(view: SubKeyView): StepView[] {
  const state = (index: number): StepView['state'] => {
    const at = view.phase === 'pending' ? (view.delay ? 1 : 0) : 3
    return index < at ? 'done' : index === at ? (view.delay ? 'problem' : 'now') : 'next'
  }
  return [
    { name: 'queued', state: state(0) },
    { name: 'creating', state: state(1) },
    { name: 'ready', state: state(2) },
  ]
}
