/**
 * Asks once. No key depends on the answer, and we do not check for it.
 */
export function StarNudge({ url }: { url: string }) {
  return (
    <p>
      Is this useful to you?{' '}
      <a className="prose-link" href={url} rel="noreferrer">
        Star the repository
      </a>
      . Your key does not depend on it.
    </p>
  )
}
