/**
 * Every state of a claim as a message: what happened, what it means, what to do. The compiler finds
 * a state without one.
 */
import type { RefusedReason } from '~/domain/claim/claim.server'
import type { ClaimEnd, ClaimRefusal, ClaimView, StepName } from '~/domain/claim/view-types'
import type { WorkshopView } from '~/domain/workshop/view-types'
import type { CalloutTone as Tone } from '../base/callout'

export type Message = {
  title: string
  meaning: string
  next: string
  tone: Tone
  askOrganizer: boolean
}

export const stepLabels: Record<StepName, string> = {
  queued: 'Queued',
  checking: 'Checking your claim',
  creating: 'Making your key',
  limits: 'Setting its limits',
  ready: 'Ready',
}

export const providerLabels = { github: 'GitHub', google: 'Google' } as const

/** A claim that was not taken. Nothing was stored, so everything here can be retried. */
export const notTakenMessages: Record<RefusedReason, Message> = {
  'not-open-yet': {
    title: 'Claims are not open yet',
    meaning: 'You are early. Nobody is ahead of you yet.',
    next: 'Come back when claims open. The workshop page shows the time.',
    tone: 'warning',
    askOrganizer: false,
  },
  spent: {
    title: 'Your budget is used up for now',
    meaning: 'Your former keys have used all of it, so a new key would be empty.',
    next: 'This budget does not begin again. If you need more, ask the organiser.',
    tone: 'warning',
    askOrganizer: false,
  },
  closed: {
    title: 'Claims have closed',
    meaning: 'The time to claim a key is over. Keys claimed in time work until they expire.',
    next: 'If you are at the workshop and came too late, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  ended: {
    title: 'This workshop has ended',
    meaning: 'The organiser ended it early, so there are no more keys.',
    next: 'If you still need a key, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  'wrong-provider': {
    title: 'You need another account',
    meaning: 'This workshop does not accept the account you are signed in with.',
    next: 'Sign out, sign in with a provider that the workshop page lists, and claim again.',
    tone: 'warning',
    askOrganizer: false,
  },
  'no-verified-email': {
    title: 'Your email is not verified',
    meaning: 'Each verified email gets one key, and your account has no verified email yet.',
    next:
      'Verify your email (for GitHub at github.com/settings/emails) and sign in here again. ' +
      'Or sign in with your other account.',
    tone: 'warning',
    askOrganizer: true,
  },
  banned: {
    title: 'You cannot claim keys here',
    meaning: 'The organiser has banned this account from claiming.',
    next: 'If you think this is a mistake, ask the organiser.',
    tone: 'error',
    askOrganizer: true,
  },
  'switched-off': {
    title: 'New keys are disabled',
    meaning: 'The operator of this site has disabled new keys. You have not lost a place.',
    next: 'Ask the organiser when keys will be available, then claim again.',
    tone: 'warning',
    askOrganizer: true,
  },
  paused: {
    title: 'Paused by the organiser',
    meaning: 'No keys are available at the moment. You have not lost a place.',
    next: 'Wait a few minutes, then try again.',
    tone: 'warning',
    askOrganizer: true,
  },
  full: {
    title: 'All keys are taken',
    meaning: 'Keys go out in order, and the last one has been claimed.',
    next: 'Ask the organiser, who can add keys.',
    tone: 'plain',
    askOrganizer: true,
  },
  'email-already-claimed': {
    title: 'This email already has a key here',
    meaning:
      'Another account with the same email has claimed. ' +
      'Most likely you used GitHub then and Google now, or the other way round.',
    next: 'Sign out and sign in the way you did the first time. Your key is there.',
    tone: 'warning',
    askOrganizer: true,
  },
  'had-one-before': {
    title: 'You already had a key for this workshop',
    meaning:
      'Each person gets one key. ' +
      'Yours was claimed with an account that you have deleted or disconnected.',
    next: 'If you need another one, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  'no-such-workshop': {
    title: 'This workshop does not exist',
    meaning: 'There is no workshop at this address. A letter may be missing.',
    next: 'Check the address, or pick the workshop from the list.',
    tone: 'plain',
    askOrganizer: false,
  },
  'wrong-domain': {
    title: 'This workshop is for other addresses',
    meaning: 'It accepts verified addresses of certain organisations, and yours is not of one.',
    next: 'Sign in with an account that has such an address, or ask the organiser.',
    tone: 'warning',
    askOrganizer: true,
  },
  'not-on-roster': {
    title: 'You are not on the list of this workshop',
    meaning:
      'Only people whom the organiser has listed can claim here. This account is not listed.',
    next: 'Sign in with the account or address that you registered with, or ask the organiser.',
    tone: 'warning',
    askOrganizer: true,
  },
  'code-needed': {
    title: 'This workshop needs a code',
    meaning: 'The organiser shows six digits at the event. They change every minute.',
    next: 'Type the code that is shown now, and claim again.',
    tone: 'warning',
    askOrganizer: true,
  },
  'code-wrong': {
    title: 'This code is wrong or too old',
    meaning: 'A code works for two minutes at most.',
    next: 'Type the code that is shown now.',
    tone: 'warning',
    askOrganizer: true,
  },
  'code-limit': {
    title: 'Too many codes',
    meaning:
      'You, or all people here together, have tried too many codes in the last five minutes.',
    next: 'Wait five minutes and type the code that is shown then, or ask the organiser to let you in.',
    tone: 'warning',
    askOrganizer: true,
  },
  'account-too-new': {
    title: 'Your account is too new',
    meaning:
      'To keep out bots, this giveaway needs an older account. Its page says how old it must be.',
    next: 'Sign in with an older account if you have one.',
    tone: 'warning',
    askOrganizer: true,
  },
}

/** "example.org", "example.org or any part of example.com" */
export const domainsLabel = (domains: string[]): string =>
  domains
    .map((domain) => (domain.startsWith('*.') ? `any part of ${domain.slice(2)}` : domain))
    .join(' or ')

/** The same, naming the one provider that the workshop accepts. */
export function notTakenMessage(
  reason: RefusedReason,
  workshop:
    (Pick<WorkshopView, 'kind' | 'providers'> & Partial<Pick<WorkshopView, 'entry'>>) | null,
): Message {
  const message = notTakenMessages[reason]
  if (reason === 'account-too-new' && workshop?.kind === 'workshop')
    return { ...message, meaning: message.meaning.replace('giveaway', 'workshop') }
  if (reason === 'wrong-domain' && workshop?.entry?.domains.length)
    return {
      ...message,
      meaning:
        `It accepts verified addresses of ${domainsLabel(workshop.entry.domains)}, ` +
        'and yours is of another domain.',
    }
  const [only, ...others] = workshop?.providers ?? []
  if (reason !== 'wrong-provider' || !workshop || !only || others.length > 0) return message
  return {
    ...message,
    title: `This ${workshop.kind} needs a ${providerLabels[only]} account`,
    next: `Sign out, sign in with ${providerLabels[only]}, and claim again.`,
  }
}

/** For `?refused=`: only our own codes have a message, whatever the address says. */
export function isRefusedReason(code: string | null): code is RefusedReason {
  return code !== null && Object.hasOwn(notTakenMessages, code)
}

/** A claim that was taken and ended without a key. Its place is free again. */
export const refusalMessages: Record<ClaimRefusal, Message> = {
  'rejected-by-provider': {
    title: 'The provider refused',
    meaning:
      'The provider would not create a key with the settings of this workshop. ' +
      'Claiming again would not help.',
    next: 'Show this page to the organiser, who sees the reason and can repair it.',
    tone: 'error',
    askOrganizer: true,
  },
  'expired-before-mint': {
    title: 'Time ran out',
    meaning: 'The keys of this workshop expired before yours was ready.',
    next: 'Ask the organiser whether keys can be extended.',
    tone: 'error',
    askOrganizer: true,
  },
  banned: {
    title: 'You cannot claim keys here',
    meaning: 'The organiser has banned this account, so you get no key.',
    next: 'If you think this is a mistake, ask the organiser.',
    tone: 'error',
    askOrganizer: true,
  },
  'gave-up': {
    title: 'We could not make your key',
    meaning: 'We tried many times without a usable answer from the provider. You were not charged.',
    next: 'Show this page to the organiser, who can retry for you.',
    tone: 'error',
    askOrganizer: true,
  },
  cancelled: {
    title: 'Cancelled by the organiser',
    meaning: 'The organiser stopped your claim before you had a key. You were not charged.',
    next: 'Ask the organiser, who can retry for you.',
    tone: 'error',
    askOrganizer: true,
  },
}

export const endMessages: Record<ClaimEnd, Message> = {
  expired: {
    title: 'Your key has expired',
    meaning: 'The provider answers it with “401”. We have deleted our copy.',
    next: 'Remove it from your .env file. To go on, create your own key at openrouter.ai.',
    tone: 'plain',
    askOrganizer: false,
  },
  revoked: {
    title: 'Your key was revoked',
    meaning: 'The organiser has disabled this key. Programs that use it get “401”.',
    next: 'Ask the organiser why, and whether you can have another one.',
    tone: 'error',
    askOrganizer: true,
  },
  'given-back': {
    title: 'You gave this key back',
    meaning: 'It is disabled. Within a few minutes, others can use what was left on it.',
    next: 'Remove it from your .env file. If you need one again, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  unused: {
    title: 'Your seat went to the waitlist',
    meaning: 'Nobody had looked at this key or used it, so it is disabled and others get the seat.',
    next: 'If you still need a key, claim again. While others wait, you stand behind them.',
    tone: 'plain',
    askOrganizer: true,
  },
  closed: {
    title: 'The workshop has ended',
    meaning: 'The organiser has ended the workshop and disabled all its keys.',
    next: 'Remove the key from your .env file. To go on, create your own key at openrouter.ai.',
    tone: 'plain',
    askOrganizer: true,
  },
}

/** A key that exists, and that the provider refuses. */
export function deadMessage(view: ClaimView): Message {
  if (view.key?.disabledByOrganiser) {
    return {
      title: 'The organiser has disabled this key',
      meaning: 'Programs that use it get “401” until it is enabled. You keep what is left on it.',
      next: 'Ask the organiser why, and when it will work again. You don’t need to claim again.',
      tone: 'error',
      askOrganizer: true,
    }
  }
  return {
    title: 'The provider refuses this key',
    meaning: 'It was disabled or removed at the provider. Programs that use it get “401”.',
    next: 'Ask the organiser, unless you are replacing it right now.',
    tone: 'error',
    askOrganizer: true,
  }
}
