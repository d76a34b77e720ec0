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
