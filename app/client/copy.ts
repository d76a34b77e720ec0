/**
 * Copying. The text may still be on its way: Safari allows that only if the clipboard is asked
 * within the click itself.
 */

/**
 * True when the text is in the clipboard; false when the browser refuses, and the text must be
 * shown for selecting.
 */
export async function copyText(text: string | (() => Promise<string>)): Promise<boolean> {
  const fetchText = typeof text === 'string' ? () => Promise.resolve(text) : text
  // In Safari's way first; a browser whose ClipboardItem takes no promise falls through to the
  // plain one with the same text.
  const pending = fetchText()
  if (typeof ClipboardItem !== 'undefined' && typeof navigator.clipboard?.write === 'function') {
    try {
      await navigator.clipboard.write([
        new ClipboardItem({
          'text/plain': pending.then((value) => new Blob([value], { type: 'text/plain' })),
        }),
      ])
      return true
    } catch {
      // Falls through: the plain way may be allowed.
    }
  }
  const value = await pending
  try {
    await navigator.clipboard.writeText(value)
    return true
  } catch {
    return false
  }
}

/** Selects all of an element's text, for the keyboard's own copy. */
export function selectAll(element: HTMLElement): void {
  const selection = getSelection()
  const range = document.createRange()
  range.selectNodeContents(element)
  selection?.removeAllRanges()
  selection?.addRange(range)
}
