/** The reader's theme, kept in a cookie so that the server renders it at once. */
export type Theme = 'auto' | 'light' | 'dark'

export function isTheme(value: unknown): value is Theme {
  return value === 'auto' || value === 'light' || value === 'dark'
}

/** The theme a Cookie header asks for. */
export function themeOf(cookies: string | null): Theme {
  const value = /(?:^|;\s*)theme=(\w+)/.exec(cookies ?? '')?.[1]
  return isTheme(value) ? value : 'auto'
}

export function chooseTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`
}

/** The choice in the footer, on a page whose footer no framework hydrates. */
export function startThemeChoice(): void {
  const label = document.querySelector('[data-theme-choice]')
  const select = label?.querySelector('select')
  if (!label || !select) return
  select.addEventListener('change', () => {
    if (isTheme(select.value)) chooseTheme(select.value)
  })
  label.classList.remove('invisible')
}
