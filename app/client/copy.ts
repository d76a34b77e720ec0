/**
 * Copying. The text may still be loading: Safari allows that only if the clipboard is called within
 * the click itself.
 */

/** False when the browser blocks the clipboard: then show the text for selecting. */
export async function copyText(text: string | (() => Promise<string>)): Promise<boolean> {
  const fetchText = typeof text === 'string' ? () => Promise.resolve(text) : text
  // Safari's way first; a browser whose ClipboardItem takes no promise falls through to writeText.
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
      // Falls through: writeText may be allowed.
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

/** Selects all of an element's text, to copy it with the keyboard. */
export function selectAll(element: HTMLElement): void {
  const selection = getSelection()
  const range = document.createRange()
  range.selectNodeContents(element)
  selection?.removeAllRanges()
  selection?.addRange(range)
}
