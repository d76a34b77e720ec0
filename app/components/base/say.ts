/** Lets any part of a page announce through its one status region; a no-op where there is none. */
import { createContext, useContext } from 'react'

const SayContext = createContext<(text: string) => void>(() => undefined)

export const SayProvider = SayContext.Provider

export const useSay = () => useContext(SayContext)
