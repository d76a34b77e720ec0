/**
 * The reader's own time zone, as the browser says. A browser may name one that its own `Intl` then
 * refuses; a page must not fail for that, so such a reader sees UTC.
 */
export function localZone(): string {
  try {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone
  } catch {
    return 'UTC'
  }
}
