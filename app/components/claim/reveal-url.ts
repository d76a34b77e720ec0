/**
 * Where a page's key is shown; null on a page without one. A file of its own, so that a page which
 * waits loads nothing more with it.
 */
import { createContext } from 'react'

export const RevealUrl = createContext<string | null>(null)

export const RevealUrlProvider = RevealUrl.Provider
