/** What a route tells the document around it. */
export type PageHandle = {
  /** The page brings its own small script and needs none of the router's: see entry.client.tsx. */
  island?: true
}

export function isIsland(handle: unknown): boolean {
  return (
    typeof handle === 'object' && handle !== null && 'island' in handle && handle.island === true
  )
}
