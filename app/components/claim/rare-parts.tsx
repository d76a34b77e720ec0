/** What few claim pages show: it is loaded where it is shown, so that everybody else on bad wifi need not. */
import { lazy } from 'react'

/** Most events take no requests: whoever comes to one of those loads nothing of it. */
export const AskForMore = lazy(() =>
  import('./ask-for-more').then(
    (part) => ({ default: part.AskForMore }),
    () => ({ default: () => <p>The requests did not load. Reload this page.</p> }),
  ),
)

const rareParts = () => import('./next-and-former-key')
const missing = () => ({ default: () => <p>A part of this page did not load. Reload it.</p> })
export const Unused = lazy(() => rareParts().then((part) => ({ default: part.Unused }), missing))
export const FormerKey = lazy(() =>
  rareParts().then((part) => ({ default: part.FormerKey }), missing),
)
export const ClaimAgain = lazy(() =>
  rareParts().then((part) => ({ default: part.ClaimAgain }), missing),
)

/** Few keys are ever put on hold. */
export const KeyOnHold = lazy(() =>
  import('./held-key').then(
    (part) => ({ default: part.KeyOnHold }),
    () => ({ default: () => <p>Your key is on hold. Reload this page to go on.</p> }),
  ),
)
