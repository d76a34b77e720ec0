import { useState } from 'react'
import { chooseTheme, isTheme, type Theme } from '~/client/theme'
import { useHydrated } from './hydrated'

const themeLabels: Record<Theme, string> = { auto: 'System', light: 'Light', dark: 'Dark' }

export function SiteFooter({ theme }: { theme: Theme }) {
  return (
    <footer className="no-print mt-auto border-t border-rule text-small text-soft">
      <div
        className={
          'mx-auto flex min-h-20 max-w-wide flex-wrap items-center justify-between gap-x-8 gap-y-2 ' +
          'px-5 py-4'
        }
      >
        <p>
          Every key has a budget, a list of models and an expiry.{' '}
          <a className="inline-flex min-h-11 items-center prose-link" href="/docs">
            How to use a key
          </a>
        </p>
        <ThemeChoice theme={theme} />
      </div>
    </footer>
  )
}

function ThemeChoice({ theme }: { theme: Theme }) {
  const hydrated = useHydrated()
  const [chosen, setChosen] = useState(theme)
  function choose(value: string) {
    if (!isTheme(value)) return
    chooseTheme(value)
    setChosen(value)
  }
  return (
    <label
      data-theme-choice
      className={`flex min-h-11 items-center gap-2 ${hydrated ? '' : 'invisible'}`}
    >
      Theme
      <select
        value={chosen}
        onChange={(event) => choose(event.target.value)}
        className="min-h-11 rounded-box border border-edge bg-raised px-2 text-ink"
      >
        {Object.entries(themeLabels).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}
