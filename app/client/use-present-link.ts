import { useLocation } from '@remix-run/react'
import { useEffect, useRef } from 'react'

/** Scrolls a row of links sideways to the present one, where a phone cuts it off. The page stays. */
export function usePresentLink() {
  const row = useRef<HTMLUListElement>(null)
  const { pathname } = useLocation()
  useEffect(() => {
    const present = row.current?.querySelector('[aria-current=page]')
    if (!row.current || !present) return
    const outer = row.current.getBoundingClientRect()
    const inner = present.getBoundingClientRect()
    if (inner.left < outer.left || inner.right > outer.right)
      row.current.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2
  }, [pathname])
  return row
}
