/** What people are told about a code of a setup: in the terminal that asks, and on the page. */
import type { SetupObstacle, SetupOver } from '~/domain/claim/setup.server'

/** For the terminal. It adds that nothing has changed there. */
export const terminalMessages: Record<SetupOver | SetupObstacle, string> = {
  unknown: 'This site does not know the code. Run the command again for a new one.',
  expired: 'The code has expired: it counts for ten minutes. Run the command again for a new one.',
  used: 'The code has been used already: it counts once. Run the command again for a new one.',
  refused: 'The request was refused on the page. If that was you by mistake, run it again.',
  paused: 'No keys are given out at the moment. Ask the organiser when they are again.',
  banned: 'This account may not use keys here. Ask the organiser.',
  'no-key': 'The key is no longer yours to give. Open your keys on the site to see why.',
  'not-ready': 'The key is not ready yet. Run the command again when it is.',
  ended: 'The key has ended. Your claim page says why.',
  disabled: 'The key is disabled. Ask the organiser, or replace it on your claim page.',
}

export type SetupNotice = { tone: 'ok' | 'plain' | 'warning'; title: string; next: string }

export const setupNotices = {
  approved: {
    tone: 'ok',
    title: 'Approved',
    next: 'Look at your terminal: it gets the key in a few seconds and says which file it has written.',
  },
  'refused-now': {
    tone: 'plain',
    title: 'Refused',
    next: 'The computer that asked gets no key. The code no longer works.',
  },
  'no-code': {
    tone: 'warning',
    title: 'This is not a code',
    next: 'A code has eight letters and digits, such as BCDF-2345. Type it as your terminal shows it.',
  },
  unknown: {
    tone: 'warning',
    title: 'We do not know this code',
    next: 'Check it for typing errors. If it is right, run the command again for a new one.',
  },
  expired: {
    tone: 'warning',
    title: 'The code has expired',
    next: 'A code counts for ten minutes. Run the command again for a new one.',
  },
  used: {
    tone: 'warning',
    title: 'The code has been used already',
    next: 'A code counts once. If your terminal still waits, run the command again for a new one.',
  },
  refused: {
    tone: 'warning',
    title: 'The code was refused',
    next: 'Nothing was given away. To set up the tool after all, run the command again.',
  },
  paused: {
    tone: 'warning',
    title: 'No keys are given out at the moment',
    next: 'Nothing was given away. Ask the organiser when it goes on, and run the command then.',
  },
  banned: {
    tone: 'warning',
    title: 'This account may not use keys here',
    next: 'Nothing was given away. Ask the organiser.',
  },
  'no-key': {
    tone: 'warning',
    title: 'You do not have this key',
    next: 'Choose one of your keys below.',
  },
  'not-ready': {
    tone: 'warning',
    title: 'This key is not ready yet',
    next: 'Wait until your claim page says that it is, then approve again.',
  },
  ended: {
    tone: 'warning',
    title: 'This key has ended',
    next: 'Nothing was given away. Your claim page says why it ended.',
  },
  disabled: {
    tone: 'warning',
    title: 'This key is disabled',
    next: 'Nothing was given away. Ask the organiser, or replace the key on your claim page.',
  },
} satisfies Record<string, SetupNotice>

export type SetupNoticeCode = keyof typeof setupNotices

export const isSetupNotice = (code: string | null): code is SetupNoticeCode =>
  code !== null && Object.hasOwn(setupNotices, code)
