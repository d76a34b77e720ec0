/** Messages of the vault's page: what was done, what was refused, what a service can do. */
import { credentialMessage } from './credential-message'
import type { ServiceChoice } from '~/domain/team/team-view.server'
import type { VaultProblem } from '~/domain/vault/check-credential.server'

export const vaultNotices = {
  deposited: {
    title: 'The credential is verified and sealed',
    text: 'Members with a budget can make keys with it now. Budgets are on the Members page.',
  },
  replaced: { title: 'The credential is replaced', text: 'Existing keys keep working.' },
  verified: { title: 'The provider accepts the credential', text: null },
  opened: {
    title: 'The provider account is open',
    text: 'What waits continues within seconds.',
  },
  disabled: {
    title: 'The credential is disabled',
    text: 'No new keys are made with it. Existing keys keep working.',
  },
  destroyed: {
    title: 'The credential is deleted',
    text: 'Its secret is destroyed. What its keys have spent stays in the books.',
  },
  enabled: {
    title: 'The credential is enabled',
    text: 'Members can make keys with it again.',
  },
  'first-set': { title: 'The service shown first is set', text: null },
}
export type VaultNotice = keyof typeof vaultNotices

type DeleteProblem = { reason: 'still-needed' | 'no-reason' }

const problems: Record<
  Exclude<VaultProblem['reason'], 'service-refused' | 'missing-field'> | DeleteProblem['reason'],
  string
> = {
  'still-needed':
    'Keys made with this credential are live, or their final usage is not known yet. Disable the ' +
    'credential, end its keys, and try again when they have settled.',
  'no-reason': 'Enter a reason of 1 to 500 characters.',
  'unknown-service': 'This service is not available here.',
  'no-credential': 'Paste the credential.',
  'bad-credential':
    'This does not look like a credential: it contains spaces, line breaks or unusual ' +
    'characters, or has the wrong length.',
  'address-not-used': 'This service needs no address.',
  'other-account':
    'This credential belongs to another provider account: it does not know a key made with the ' +
    'one it would replace. Add it as a separate credential instead.',
  'seal-broken':
    'This credential does not open: its service, address or team was changed outside Keymint, or its ' +
    'encryption key is missing. Nothing was sent. Find out who changed it, then replace the credential.',
  'replaced-meanwhile':
    'Somebody else has just replaced this credential. Reload the page before you try again.',
}

export function vaultMessage(problem: VaultProblem | DeleteProblem): string {
  if (problem.reason === 'service-refused')
    return credentialMessage(problem.service, problem.problem)
  if (problem.reason === 'missing-field') return `Fill in “${problem.field}”.`
  return problems[problem.reason]
}

/** "Its keys stop at their cap, expire on time and can be limited to models." */
export function serviceSentence({ keys }: Pick<ServiceChoice, 'keys'>): string {
  const can = [
    keys.capBy === 'service' ? 'stop at their cap' : 'are stopped by Keymint at their cap',
    'expire on time',
    ...(keys.modelList !== 'none' ? ['can be limited to models'] : []),
  ]
  return `Its keys ${new Intl.ListFormat('en-GB').format(can)}.`
}
