/** The states of a sub-key, as labels and sentences. */
import type { SubKeyPhase, SubKeyView } from '~/domain/team/view-types'

export const phaseLabels: Record<SubKeyPhase, string> = {
  pending: 'Being made',
  ready: 'Ready',
  changing: 'Cap is changing',
  rotating: 'Being replaced',
  settling: 'Ended, final usage pending',
  ended: 'Ended',
  refused: 'Not made',
}

export function keyHeadline({
  phase,
  purpose,
  holder,
}: Pick<SubKeyView, 'phase' | 'purpose' | 'holder'>): string {
  switch (phase) {
    case 'pending':
      return holder.service ? `The key of ${holder.name} is being made` : 'Your key is being made'
    case 'refused':
      return 'The key was not made'
    case 'settling':
    case 'ended':
      return `“${purpose}” has ended`
    case 'rotating':
      return `“${purpose}” is being replaced`
    case 'ready':
    case 'changing':
      return `“${purpose}” is ready`
  }
}

const endings: Record<string, string> = {
  deleted: 'Its holder deleted it.',
  revoked: 'An owner of the team ended it.',
  expired: 'It has expired.',
  'member-removed': 'Its holder left the team.',
  'member-suspended': 'Its holder was suspended.',
  'member-viewer': 'Its holder became a viewer.',
  'service-closed': 'Its service account was closed.',
  'team-closed': 'The team was closed.',
  spent: 'Its cap was spent.',
  'not-replaced': 'Its old key was disabled, and no new one could be made.',
  'rejected-by-provider': 'The provider refused to make it.',
  'expired-before-mint': 'It expired before it could be made.',
  banned: 'Its holder may not get keys from this deployment.',
  'gave-up': 'The provider gave no clear answer for too long.',
  cancelled: 'Staff of this deployment cancelled it.',
}

/** Why a key has ended or was not made. */
export const endingMessage = (key: Pick<SubKeyView, 'reason'>) =>
  endings[key.reason ?? ''] ?? 'It can no longer be used.'

const serviceTitles: Record<string, string> = {
  openrouter: 'OpenRouter',
  litellm: 'LiteLLM',
  runpod: 'RunPod',
  s3: 'S3',
}
export const serviceTitle = (service: string) => serviceTitles[service] ?? service

const otherDelay = 'The provider reports an error. Retrying automatically.'
const delays: Record<string, string> = {
  'rate-limited': 'The provider limits our requests. Retrying automatically.',
  'no-credit':
    'The provider account behind the credential has no credit. An owner must top it up. ' +
    'Retrying automatically.',
  unauthorized:
    'The provider does not accept the credential. An owner must replace it in the vault. ' +
    'Retrying automatically.',
  forbidden:
    'The credential may not make keys. An owner must replace it in the vault. ' +
    'Retrying automatically.',
  'no-workspace':
    'The provider has no workspace to make keys in. An owner must replace the credential in the ' +
    'vault. Retrying automatically.',
  unreachable: 'The provider cannot be reached. Retrying automatically.',
  'upstream-trouble': otherDelay,
  paused: 'New keys are paused on this deployment until its operator resumes them.',
  'switched-off': 'New keys are disabled on this deployment.',
}

/** Why a key takes longer, or why a credential makes none. */
export const delayMessage = (reason: string) => delays[reason] ?? otherDelay

export const capNoteOf = (key: Pick<SubKeyView, 'reset'>) =>
  key.reset === 'monthly' ? 'a month' : 'in total'
