/** What few claim pages show: it is loaded where it is shown, so that everybody else on bad wifi need not. */
import { lazy, memo, Suspense, type ComponentType, type ReactNode } from 'react'

/**
 * A part that is loaded by itself. While it loads, what the server has sent of it stays: whatever else
 * of the page changes meanwhile does not touch it, as React would throw it away and start anew.
 */
export function loadedPart<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  missing: string,
  fallback: ReactNode = null,
) {
  let isLoaded = false
  const Part = lazy<ComponentType<object>>(() =>
    load()
      .catch(() => () => <p>{missing}</p>)
      .then((part) => {
        isLoaded = true
        return { default: part as ComponentType<object> }
      }),
  )
  return memo(
    (props: Props) => (
      <Suspense fallback={fallback}>
        <Part {...props} />
      </Suspense>
    ),
    // Called "equal" until then; what is new by that time comes with the page's next change.
    () => !isLoaded,
  )
}

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
