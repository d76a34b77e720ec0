/**
 * Every way in which a sign-in can fail, in words for the person: what happened, what it means,
 * what to do next.
 */
import type { SignInFailure } from '~/adapters/identity-provider'

export type SignInProblemCode = SignInFailure | 'database_unavailable' | 'session_ended'

export type SignInProblem = { title: string; meaning: string; next: string }

/** `{provider}` stands for "GitHub", "Google", or "GitHub or Google" where nobody knows which. */
export const signInProblems: Record<SignInProblemCode, SignInProblem> = {
  access_denied: {
    title: 'You cancelled the sign-in',
    meaning:
      '{provider} told us that you did not agree, so you are not signed in. Nothing was stored.',
    next: 'Sign in again below and choose to continue at {provider}, or use the other provider.',
  },
  expired: {
    title: 'That sign-in expired',
    meaning:
      'A sign-in must be finished within 10 minutes, once, and in the browser in which it was started. This one was not, so you are not signed in by it.',
    next: 'Sign in again below. If you opened the link inside another app, open this page in Safari, Chrome or Firefox first.',
  },
  unverified_account: {
    title: 'Your email is not verified yet',
    meaning:
      '{provider} lets nobody sign in elsewhere before the primary email of the account is verified.',
    next: 'Verify the email in your {provider} settings, then sign in again. Or use the other provider now.',
  },
  unavailable: {
    title: '{provider} did not answer',
    meaning:
      'The sign-in reached us, but {provider} was down, too slow or too busy to confirm it. You are not signed in, and nothing is wrong with your account.',
    next: 'Wait a minute and sign in again, or use the other provider now.',
  },
  misconfigured: {
    title: 'Sign-in with {provider} is set up wrongly here',
    meaning:
      '{provider} refused this site, not you. Trying again will not help until the organiser has repaired it.',
    next: 'Use the other provider now, and tell the organiser that {provider} sign-in is misconfigured.',
  },
  provider_error: {
    title: '{provider} sent an answer we cannot use',
    meaning: 'We could not be sure who you are, so you are not signed in.',
    next: 'Sign in again below. If it happens twice, use the other provider and tell the organiser.',
  },
  database_unavailable: {
    title: 'Our database cannot be reached',
    meaning:
      'This is our fault and usually over within a minute. You may still be signed in; a key you have claimed is safe.',
    next: 'Wait a few seconds, then try again.',
  },
  session_ended: {
    title: 'You were signed out',
    meaning:
      'Your session had ended before your last click arrived, so what you asked for was not done.',
    next: 'Sign in again below; then repeat what you were doing.',
  },
}

export const providerNames = { github: 'GitHub', google: 'Google' } as const

/** The words for `?error=<code>&provider=<provider>`, or null for a code that is none of ours. */
export function findSignInProblem(
  code: string | null,
  provider: string | null,
): (SignInProblem & { code: SignInProblemCode }) | null {
  if (!isProblemCode(code)) return null
  const name =
    provider === 'github' || provider === 'google' ? providerNames[provider] : 'GitHub or Google'
  const { title, meaning, next } = signInProblems[code]
  const say = (words: string) => words.replaceAll('{provider}', name)
  return { code, title: say(title), meaning: say(meaning), next: say(next) }
}

function isProblemCode(code: string | null): code is SignInProblemCode {
  return code !== null && Object.hasOwn(signInProblems, code)
}
