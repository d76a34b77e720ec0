/**
 * Asks, once and quietly. A key never depends on the answer, and the page does not look whether it
 * was given.
 */
export function StarNudge({ url }: { url: string }) {
  return (
    <p>
      If this is useful to you,{' '}
      <a className="prose-link" href={url} rel="noreferrer">
        star the repository
      </a>
      . Your key does not depend on it.
    </p>
  )
}
