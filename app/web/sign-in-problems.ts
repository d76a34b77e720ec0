/** Every way in which a sign-in can fail: what happened, what it means, what to do next. */
import type { SignInFailure } from '~/adapters/identity-provider'

export type SignInProblemCode = SignInFailure | 'database_unavailable' | 'session_ended'

export type SignInProblem = { title: string; meaning: string; next: string }

/** `{provider}` stands for "GitHub", "Google", or "GitHub or Google" where nobody knows which. */
export const signInProblems: Record<SignInProblemCode, SignInProblem> = {
  access_denied: {
    title: 'Sign-in cancelled',
    meaning: 'Sign-in was cancelled at {provider}. Nothing was saved.',
    next: 'Sign in again and agree at {provider}, or use the other provider.',
  },
  expired: {
    title: 'That sign-in expired',
    meaning:
      'You have 10 minutes to finish a sign-in, once, in the browser in which you started it.',
    next:
      'Sign in again. If you opened this page inside another app, ' +
      'open it in Safari, Chrome or Firefox first.',
  },
  unverified_account: {
    title: 'Your email is not verified yet',
    meaning: 'Before you can sign in here, {provider} needs you to verify your primary email.',
    next: 'Verify it in your {provider} settings, then sign in again. Or use the other provider.',
  },
  unavailable: {
    title: '{provider} did not answer',
    meaning:
      '{provider} was down, too slow or too busy to confirm your sign-in. Your account is fine.',
    next: 'Wait a minute and sign in again, or use the other provider now.',
  },
  misconfigured: {
    title: 'Sign-in with {provider} is not set up correctly',
    meaning: '{provider} refused this site, not you. The organiser has to repair this.',
    next: 'Use the other provider now, and tell the organiser that {provider} is misconfigured.',
  },
  provider_error: {
    title: '{provider} sent an answer we cannot use',
    meaning: 'We could not tell who you are, so you are not signed in.',
    next: 'Sign in again. If it happens twice, use the other provider and tell the organiser.',
  },
  database_unavailable: {
    title: 'We cannot reach our database',
    meaning:
      'This is our fault and usually over within a minute. ' +
      'You may still be signed in, and your key is safe.',
    next: 'Wait a few seconds, then try again.',
  },
  session_ended: {
    title: 'You were signed out',
    meaning: 'Your session ended before your last click, so that click changed nothing.',
    next: 'Sign in again, then repeat what you were doing.',
  },
}

export const providerNames = { github: 'GitHub', google: 'Google' } as const

/** The message for `?error=<code>&provider=<provider>`, or null for a code that is none of ours. */
export function findSignInProblem(
  code: string | null,
  provider: string | null,
): (SignInProblem & { code: SignInProblemCode }) | null {
  if (!isProblemCode(code)) return null
  const name =
    provider === 'github' || provider === 'google' ? providerNames[provider] : 'GitHub or Google'
  const { title, meaning, next } = signInProblems[code]
  const fill = (text: string) => text.replaceAll('{provider}', name)
  return { code, title: fill(title), meaning: fill(meaning), next: fill(next) }
}

function isProblemCode(code: string | null): code is SignInProblemCode {
  return code !== null && Object.hasOwn(signInProblems, code)
}
