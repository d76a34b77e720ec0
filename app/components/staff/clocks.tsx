import { useEffect, useState } from 'react'
import { clocksMessage } from '~/messages/clocks'

/** Compares three clocks with each answer: this browser's, the database's, and the server's that made it. */
export function Clocks({ asOf, database }: { asOf: string; database: number | null }) {
  const [browser, setBrowser] = useState<number | null>(null)
  // Until a page runs its scripts, seconds may pass: only later answers say how the clocks stand.
  const [first] = useState(asOf)
  useEffect(() => {
    if (asOf !== first) setBrowser((Date.now() - Date.parse(asOf)) / 1000)
  }, [asOf, first])
  const { sentence, isWrong } = clocksMessage({ browser, database })
  if (sentence === '') return null
  return (
    <p className={`mt-1 ${isWrong ? 'font-semibold text-brick-ink' : 'text-soft'}`}>{sentence}</p>
  )
}
