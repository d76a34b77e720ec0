/**
 * Keyboard shortcuts of a list: j and k move, x selects, r retries, / searches, ? shows help. Finds
 * rows and buttons by their data attributes.
 */
import { useEffect, useRef } from 'react'

const rowsOf = (list: HTMLElement) => [...list.querySelectorAll<HTMLElement>('[data-row]')]
const focusOf = (row: HTMLElement | undefined) =>
  row?.querySelector<HTMLElement>('[data-row-focus]')

/** `version` changes when the rows do: the focus of a removed row moves to the one in its place. */
export function useRowKeys(options: {
  listId: string
  searchId: string
  version: string
  onHelp: () => void
}): void {
  const { listId, searchId, version, onHelp } = options
  const lastIndex = useRef<number | null>(null)
  const help = useRef(onHelp)
  help.current = onHelp

  useEffect(() => {
    const list = () => document.getElementById(listId)
    const indexNow = () => {
      const found = list()
      return found ? rowsOf(found).findIndex((row) => row.contains(document.activeElement)) : -1
    }
    const press = (event: KeyboardEvent) => {
      if (
        event.defaultPrevented ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target) ||
        document.querySelector('dialog[open]')
      )
        return
      const found = list()
      const rows = found ? rowsOf(found) : []
      const index = indexNow()
      const row = rows[index]
      if (event.key === 'j') focusOf(rows[Math.min(rows.length - 1, index + 1)])?.focus()
      else if (event.key === 'k') focusOf(rows[Math.max(0, index - 1)])?.focus()
      else if (event.key === 'x')
        row?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click()
      else if (event.key === 'r') row?.querySelector<HTMLButtonElement>('[data-row-retry]')?.click()
      else if (event.key === '/') document.getElementById(searchId)?.focus()
      else if (event.key === '?') help.current()
      else return
      event.preventDefault()
    }
    const remember = () => {
      const index = indexNow()
      if (index >= 0) lastIndex.current = index
      else if (document.activeElement !== document.body) lastIndex.current = null
    }
    document.addEventListener('keydown', press)
    document.addEventListener('focusin', remember)
    return () => {
      document.removeEventListener('keydown', press)
      document.removeEventListener('focusin', remember)
    }
  }, [listId, searchId])

  useEffect(() => {
    const list = document.getElementById(listId)
    if (!list || lastIndex.current === null || document.activeElement !== document.body) return
    const rows = rowsOf(list)
    focusOf(rows[Math.min(lastIndex.current, rows.length - 1)])?.focus()
  }, [version, listId])
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox])'))
  )
}
