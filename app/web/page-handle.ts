/** What a route tells the document around it. */
export type PageHandle = {
  /** The page brings its own small script and needs none of the router's: see entry.client.tsx. */
  island?: true
  /** The page is the whole screen: no header that names its viewer, and no footer. */
  bare?: true
}

export const isIsland = (handle: unknown): boolean => hasMark(handle, 'island')

export const isBare = (handle: unknown): boolean => hasMark(handle, 'bare')

const hasMark = (handle: unknown, mark: keyof PageHandle): boolean =>
  typeof handle === 'object' && handle !== null && (handle as PageHandle)[mark] === true
