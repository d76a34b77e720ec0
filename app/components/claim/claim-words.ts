/**
 * Every state of a claim in words: what happened, what it means, what to do. The compiler finds a
 * state without words.
 */
import type { RefusedReason } from '~/domain/claim/claim.server'
import type {
  ClaimEnd,
  ClaimRefusal,
  ClaimView,
  DelayReason,
  StepName,
} from '~/domain/claim/view-types'

export type Words = {
  title: string
  meaning: string
  next: string
  tone: 'amber' | 'brick' | 'plain'
  askOrganizer: boolean
}

export const stepWords: Record<StepName, string> = {
  queued: 'Queued',
  checking: 'Checking your claim',
  creating: 'Making your key',
  limits: 'Attaching its limits',
  ready: 'Ready',
}

export const providerErrorText = { github: 'GitHub', google: 'Google' } as const

/** A claim that was not taken. Nothing was stored, so everything here can be tried again. */
export const refusedWords: Record<RefusedReason, Words> = {
  'not-open-yet': {
    title: 'Claims are not open yet.',
    meaning: 'You are early. Nothing was taken, and nobody is ahead of you.',
    next: 'Come back when the workshop opens its claims; the time is on its page.',
    tone: 'amber',
    askOrganizer: false,
  },
  spent: {
    title: 'Your budget is used up for now',
    meaning: 'Your former keys have used all of it. A new key would be empty.',
    next: 'Claim again when the next period of your budget begins.',
    tone: 'amber',
    askOrganizer: false,
  },
  closed: {
    title: 'Claims have closed.',
    meaning:
      'The time in which keys of this workshop could be claimed is over. Keys claimed in time keep working until they end.',
    next: 'If you are in the room and came too late, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  ended: {
    title: 'This workshop has ended.',
    meaning: 'The organiser has ended it before its time, so no more keys are given out.',
    next: 'If you still need a key, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  'wrong-provider': {
    title: 'Please sign in the other way.',
    meaning: 'This workshop does not take the account you are signed in with.',
    next: 'Sign out, then sign in with a provider that the workshop page names, and claim again.',
    tone: 'amber',
    askOrganizer: false,
  },
  'no-verified-email': {
    title: 'Your email is not verified.',
    meaning:
      'A workshop gives one key to each verified email address, and your provider told us of none.',
    next: 'Verify your primary email at your provider and sign in here again, or sign in with your other account.',
    tone: 'amber',
    askOrganizer: true,
  },
  banned: {
    title: 'You cannot claim keys here.',
    meaning: 'The organiser has barred this account from claiming.',
    next: 'If you think that this is a mistake, ask the organiser.',
    tone: 'brick',
    askOrganizer: true,
  },
  'switched-off': {
    title: 'Keys are switched off.',
    meaning:
      'The operator of this site has switched the making of keys off. It has nothing to do with you, and no place was taken.',
    next: 'Ask the organiser when it will be switched on, then claim again.',
    tone: 'amber',
    askOrganizer: true,
  },
  paused: {
    title: 'The organiser has paused.',
    meaning: 'No keys are made just now. It has nothing to do with you, and no place was taken.',
    next: 'Wait for a word from the stage, then claim again.',
    tone: 'amber',
    askOrganizer: true,
  },
  full: {
    title: 'The room is full.',
    meaning: 'Every key of this workshop has been claimed. Keys go first come, first served.',
    next: 'Work with a neighbour, or ask the organiser, who can add keys.',
    tone: 'plain',
    askOrganizer: true,
  },
  'email-already-claimed': {
    title: 'This email already has a key here.',
    meaning:
      'Someone signed in with another account has claimed with the same email address. Most often that was you, with GitHub instead of Google or the other way round.',
    next: 'Sign out, sign in the way you did the first time, and your key is there.',
    tone: 'amber',
    askOrganizer: true,
  },
  'had-one-before': {
    title: 'You have had a key here.',
    meaning:
      'A key was claimed in this workshop with this sign-in, or this address, by an account that was erased or parted since. Each person gets one.',
    next: 'If you need another one, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  'no-such-workshop': {
    title: 'There is no such workshop.',
    meaning: 'The address names a workshop that we do not have. A letter may be missing.',
    next: 'Look at the address on the screen or the handout again, or pick the workshop from the list.',
    tone: 'plain',
    askOrganizer: false,
  },
  'account-too-new': {
    title: 'Your account is too new.',
    meaning:
      'A giveaway asks for an account that has existed for a while, so that keys go to people and not to robots.',
    next: 'Sign in with an older account if you have one.',
    tone: 'amber',
    askOrganizer: true,
  },
}

/** For `?refused=`: only our own codes have words, whatever the address says. */
export function isRefusedReason(code: string | null): code is RefusedReason {
  return code !== null && Object.hasOwn(refusedWords, code)
}

/** A claim that was taken and ended without a key. The place has been given back. */
export const refusalWords: Record<ClaimRefusal, Words> = {
  'rejected-by-provider': {
    title: 'The provider refused.',
    meaning:
      'The provider would not make a key with the settings of this workshop. Asking again by itself would not help.',
    next: 'Show this page to the organiser, who sees the reason and can try again for you.',
    tone: 'brick',
    askOrganizer: true,
  },
  'expired-before-mint': {
    title: 'Time ran out.',
    meaning: 'The workshop’s keys ended before yours could be made.',
    next: 'Ask the organiser if keys will be made longer.',
    tone: 'brick',
    askOrganizer: true,
  },
  banned: {
    title: 'You cannot claim keys here.',
    meaning: 'The organiser has barred this account, so your claim was not carried out.',
    next: 'If you think that this is a mistake, ask the organiser.',
    tone: 'brick',
    askOrganizer: true,
  },
  'gave-up': {
    title: 'Your key could not be made.',
    meaning:
      'We tried many times, and the provider never gave a usable answer. Your place is given back, and nothing was charged.',
    next: 'Show this page to the organiser, who can try again for you.',
    tone: 'brick',
    askOrganizer: true,
  },
  cancelled: {
    title: 'The organiser has cancelled this.',
    meaning:
      'Your claim was stopped before a key was made. Your place is given back, and nothing was charged.',
    next: 'Ask the organiser, who can try again for you.',
    tone: 'brick',
    askOrganizer: true,
  },
}

export const endWords: Record<ClaimEnd, Words> = {
  expired: {
    title: 'Your key has ended.',
    meaning:
      'Its time is over, and the provider refuses it now with “401”. We have erased our copy.',
    next: 'Remove it from your .env file. For more, use a key of your own from openrouter.ai.',
    tone: 'plain',
    askOrganizer: false,
  },
  revoked: {
    title: 'Your key was taken back.',
    meaning: 'The organiser has switched this key off. Programs that use it get “401” now.',
    next: 'Ask the organiser why, and whether you can have another one.',
    tone: 'brick',
    askOrganizer: true,
  },
  'given-back': {
    title: 'You gave this key back.',
    meaning: 'It is switched off, and what was left of it went back to the workshop.',
    next: 'Remove it from your .env file. If you need one again, ask the organiser.',
    tone: 'plain',
    askOrganizer: true,
  },
  closed: {
    title: 'The workshop has ended.',
    meaning: 'The organiser has closed the workshop and all of its keys.',
    next: 'Remove the key from your .env file. For more, use a key of your own from openrouter.ai.',
    tone: 'plain',
    askOrganizer: true,
  },
}

/** A key that is there, and that the provider refuses. */
export function deadWords(view: ClaimView): Words {
  if (view.key?.disabledByOrganiser) {
    return {
      title: 'The organiser has switched this key off.',
      meaning:
        'It was disabled by the organiser. Programs that use it get “401” until it is switched on again; what is left on it stays yours.',
      next: 'Ask the organiser why, and when it will work again. You need not claim again.',
      tone: 'brick',
      askOrganizer: true,
    }
  }
  return {
    title: 'The provider refuses this key.',
    meaning: 'It was switched off or removed at the provider. Programs that use it get “401”.',
    next: 'Ask the organiser: this was not done from this page.',
    tone: 'brick',
    askOrganizer: true,
  }
}

/** Why a claim waits. It is never lost: the work goes on by itself. */
export const delayWords: Record<DelayReason, { title: string; meaning: string }> = {
  'rate-limited': {
    title: 'The provider asked us to slow down.',
    meaning: 'Many keys are being made at once. Yours keeps its place.',
  },
  'no-credit': {
    title: 'The organiser’s account is out of credit.',
    meaning:
      'Keys are made again as soon as credit is added. Tell someone on the stage; you need not claim again.',
  },
  unauthorized: {
    title: 'The provider does not accept our account just now.',
    meaning:
      'That is for the organiser to repair. Tell someone on the stage; you need not claim again.',
  },
  forbidden: {
    title: 'The provider does not let us make keys just now.',
    meaning:
      'The organiser’s account there is barred or restricted. Tell someone on the stage; you need not claim again.',
  },
  unreachable: {
    title: 'The provider cannot be reached.',
    meaning: 'We keep trying by ourselves. You need not do anything.',
  },
  'upstream-trouble': {
    title: 'The provider had trouble with the last try.',
    meaning: 'We are making your key with a fresh try. You need not do anything.',
  },
  paused: {
    title: 'The organiser has paused the making of keys.',
    meaning: 'You keep your place. It goes on as soon as the pause ends.',
  },
  'switched-off': {
    title: 'The operator has switched the making of keys off.',
    meaning: 'You keep your place. It goes on as soon as it is switched on again.',
  },
  'former-key': {
    title: 'Your old key is being disabled first.',
    meaning: 'Your new key follows as soon as the provider confirms it.',
  },
}

const delayHeadlines: Record<DelayReason, string> = {
  'rate-limited': 'This takes a little longer.',
  'no-credit': 'Waiting for the organiser.',
  unauthorized: 'Waiting for the organiser.',
  forbidden: 'Waiting for the organiser.',
  unreachable: 'Waiting for the provider.',
  'upstream-trouble': 'This takes a little longer.',
  paused: 'The organiser has paused.',
  'switched-off': 'Keys are switched off.',
  'former-key': 'Replacing your key.',
}

export type Phase =
  | 'queued'
  | 'working'
  | 'delayed'
  | 'no-worker'
  | 'limits'
  | 'ready'
  | 'spent'
  | 'dead-upstream'
  | 'ended'
  | 'refused'

/** The one state that decides the page's headline, its announcement and its title. */
export function phaseOf(view: ClaimView): Phase {
  if (view.state === 'ended') return 'ended'
  if (view.state === 'refused') return 'refused'
  if (view.state === 'ready' && view.key) {
    if (view.key.disabled || view.key.missingUpstream) return 'dead-upstream'
    if (!view.key.revealable) return 'limits'
    return view.key.left && view.key.left.usd <= 0 ? 'spent' : 'ready'
  }
  if (view.waiting?.delay) return 'delayed'
  if (view.waiting && !view.waiting.workerSeen) return 'no-worker'
  return view.steps.some((step) => step.name !== 'queued' && step.state === 'now')
    ? 'working'
    : 'queued'
}

/** A short sentence, the page's h1. */
export function headline(view: ClaimView): string {
  switch (phaseOf(view)) {
    case 'queued':
      return 'You are in the queue.'
    case 'working':
      return 'Your key is being made.'
    case 'delayed':
      return view.waiting?.delay
        ? delayHeadlines[view.waiting.delay.reason]
        : 'This takes a little longer.'
    case 'no-worker':
      return 'Your claim is safe.'
    case 'limits':
      return 'Almost there.'
    case 'ready':
      return 'Your key is ready.'
    case 'spent':
      return 'Your key is spent.'
    case 'dead-upstream':
      return 'Your key is switched off.'
    case 'ended':
      return view.end ? endWords[view.end.reason].title : 'Your key has ended.'
    case 'refused':
      return view.refusal ? refusalWords[view.refusal.reason].title : 'Your key could not be made.'
  }
}

/**
 * What the status region says when the step changes: never a number that changes with each poll.
 */
export function announcement(view: ClaimView): string {
  const current = view.steps.find((step) => step.state === 'now' || step.state === 'problem')
  const phase = phaseOf(view)
  if (phase === 'working' && current) return `${stepWords[current.name]}.`
  if (phase === 'delayed' && view.waiting?.delay)
    return `${headline(view)} ${delayWords[view.waiting.delay.reason].title}`
  return headline(view)
}

const titleStarts: Record<Phase, string> = {
  queued: 'Queued',
  working: 'Working',
  delayed: 'Delayed',
  'no-worker': 'Waiting',
  limits: 'Almost ready',
  ready: 'Ready',
  spent: 'Spent',
  'dead-upstream': 'Switched off',
  ended: 'Ended',
  refused: 'No key',
}

export function documentTitle(view: ClaimView, workshopTitle: string): string {
  return `${titleStarts[phaseOf(view)]} – ${workshopTitle} · Keymint`
}
