/**
 * A way for any part of a page to speak through its one status region. Silent where the page has
 * none.
 */
import { createContext, useContext } from 'react'

const SayContext = createContext<(words: string) => void>(() => undefined)

export const SayProvider = SayContext.Provider

export const useSay = () => useContext(SayContext)
