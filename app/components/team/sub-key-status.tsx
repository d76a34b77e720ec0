import type { StepView } from '~/domain/claim/view-types'
import type { SubKeyView } from '~/domain/team/view-types'
import { Callout } from '../base/callout'
import { Time } from '../base/time'
import { StepList } from '../claim/step-list'
import { delayMessage, endingMessage } from './sub-key-messages'

/** The state of a key that is not simply ready, and what happens next. */
export function SubKeyStatus({ view, asOf }: { view: SubKeyView; asOf: string }) {
  return (
    <>
      <UpstreamState view={view} />
      <CapState view={view} asOf={asOf} />
      <ModelsState view={view} />
      <PhaseStatus view={view} />
    </>
  )
}

const nounOf = ({ texts }: SubKeyView) => texts?.noun ?? 'key'

/** A cap that Keymint holds: reached, or when it will be. */
function CapState({ view, asOf }: { view: SubKeyView; asOf: string }) {
  const noun = nounOf(view)
  if (view.cappedAt !== null)
    return (
      <Callout tone="warning" title={`Stopped: its cap of ${view.cap.text} is reached`}>
        <p>
          Keymint disabled this {noun} at a reading that shows {view.spent.text} spent. Raise the
          cap to enable it. {view.texts?.remains}
        </p>
      </Callout>
    )
  if (view.capDueAt !== null && view.perHour !== null)
    return (
      <Callout
        tone="plain"
        title={`${view.cap.text} at ${view.perHour.text} an hour: Keymint ends this ${noun} at its cap`}
      >
        <p>
          That is <Time iso={view.capDueAt} now={asOf} />. {view.texts?.atCap} {view.texts?.remains}
        </p>
      </Callout>
    )
  return null
}

/** A list of models that the provider has not confirmed. The key works meanwhile. */
function ModelsState({ view: { modelsOpen, models } }: { view: SubKeyView }) {
  if (modelsOpen === null) return null
  return (
    <Callout tone="warning" title="The provider has not set the models of this key yet">
      <p>
        {models.length > 0
          ? 'Until it has, the key works with other models too.'
          : 'Until it has, the key works with its former models only.'}{' '}
        {modelsOpen.failure === null
          ? 'Retrying automatically.'
          : modelsOpen.detail
            ? `The last try failed: “${modelsOpen.detail}” Retrying automatically.`
            : delayMessage(modelsOpen.failure)}
      </p>
    </Callout>
  )
}

/** What the provider shows where that is not what this page wants. */
function UpstreamState({ view }: { view: SubKeyView }) {
  switch (view.upstream) {
    case 'as-wanted':
      return null
    case 'still-on':
      return (
        <Callout tone="error" title="Not disabled at the provider yet">
          <p>
            The {nounOf(view)} may still work there.{' '}
            {view.failure ? delayMessage(view.failure) : 'The provider has not confirmed it.'} We
            retry automatically.{' '}
            {nounOf(view) === 'key'
              ? 'If it has leaked, revoke it at the provider now.'
              : 'If it must not run on, end it at the provider now.'}
          </p>
        </Callout>
      )
    case 'missing':
      return (
        <Callout tone="warning" title="The provider no longer has this key">
          <p>It was deleted there. Delete it here and make another one.</p>
        </Callout>
      )
    case 'disabled':
      return (
        <Callout tone="warning" title="Disabled at the provider">
          <p>Somebody disabled this key there. Replace it, or ask an owner to enable it.</p>
        </Callout>
      )
  }
}

function PhaseStatus({ view }: { view: SubKeyView }) {
  switch (view.phase) {
    case 'pending':
      return (
        <div className="space-y-4">
          <StepList steps={subKeySteps(view)} />
          {view.delay ? (
            <Callout tone="warning" title="This takes longer than usual">
              <p>
                {delayMessage(view.delay.reason)}
                {view.delay.detail ? ` The reason: “${view.delay.detail}”` : ''}
              </p>
            </Callout>
          ) : null}
          <p className="text-soft">
            You can close this page. The key will be made, and its cap is set aside already.
          </p>
        </div>
      )
    case 'changing':
      return (
        <Callout tone="plain" title={`The cap is changing to ${view.cap.text}`}>
          <p>
            The new cap counts when the provider has confirmed it, usually within seconds. The key
            keeps working.
          </p>
        </Callout>
      )
    case 'rotating':
      return (
        <Callout tone="plain" title="The key is being replaced">
          <p>
            {view.oldKey === null || view.oldKey.state === 'closing'
              ? 'The old key is disabled first. Then a new one is made with what is left of the cap.'
              : 'The old key is lowered to its part of the cap first. Then the new one is made.'}
          </p>
          {view.delay && view.delay.reason !== 'former-key' ? (
            <p>{delayMessage(view.delay.reason)}</p>
          ) : null}
        </Callout>
      )
    case 'settling':
      return (
        <Callout tone="plain" title={`The ${nounOf(view)} has ended`}>
          <p>
            {endingMessage(view)} {providerSays(view)}
            {endedRemains(view)}
            {view.committed.usd > 0
              ? `Up to ${view.committed.text} returns to the budget after the final usage reading, ` +
                `a few minutes after the provider disabled the ${nounOf(view)}.`
              : ''}
          </p>
        </Callout>
      )
    case 'ended':
      return (
        <Callout tone="plain" title={`The ${nounOf(view)} has ended, and its usage is settled`}>
          <p>
            {endingMessage(view)} {providerSays(view)}
            {endedRemains(view)}What it had not spent is free again.
          </p>
        </Callout>
      )
    case 'refused':
      return (
        <Callout tone="error" title="The key was not made">
          <p>
            {endingMessage(view)} {providerSays(view)}
          </p>
          <p>Nothing was spent, and the cap is free again. Make another key, or tell an owner.</p>
        </Callout>
      )
    case 'ready':
      if (view.replaceRefused)
        return (
          <Callout tone="warning" title="The key was not replaced">
            <p>
              {view.detail
                ? `The provider refused to make a new key: “${view.detail}”`
                : 'The provider refused to make a new key.'}{' '}
              This key goes on, with its whole cap.
            </p>
          </Callout>
        )
      return view.refusedChange ? (
        <Callout tone="warning" title="The cap was not changed">
          <p>
            {view.refusedChange.providerMessage
              ? `The provider refused the new cap: “${view.refusedChange.providerMessage}”`
              : 'The provider refused the new cap.'}{' '}
            It stays at {view.cap.text}.
          </p>
        </Callout>
      ) : null
  }
}

/** The provider’s own sentence on why it made no key. */
const providerSays = ({ phase, reason, detail }: SubKeyView) =>
  detail && (phase === 'refused' || reason === 'not-replaced') ? `Its message: “${detail}” ` : ''

/** What is left of it at the provider, said of one that is over. */
const endedRemains = ({ texts }: SubKeyView) => (texts?.remained ? `${texts.remained} ` : '')

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
