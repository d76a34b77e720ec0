/** What few claim pages show: it is loaded where it is shown, so that everybody else on bad wifi need not. */
import { loadedPart } from './loaded-part'

/** Most events take no requests: whoever comes to one of those loads nothing of it. */
export const AskForMore = loadedPart(
  () => import('./ask-for-more').then((part) => part.AskForMore),
  'The requests did not load. Reload this page.',
)

const rareParts = () => import('./next-and-former-key')
const missing = 'A part of this page did not load. Reload it.'
export const Unused = loadedPart(() => rareParts().then((part) => part.Unused), missing)
export const FormerKey = loadedPart(() => rareParts().then((part) => part.FormerKey), missing)
export const ClaimAgain = loadedPart(() => rareParts().then((part) => part.ClaimAgain), missing)

/** Few keys are ever put on hold. */
export const KeyOnHold = loadedPart(
  () => import('./held-key').then((part) => part.KeyOnHold),
  'Your key is on hold. Reload this page to go on.',
)
