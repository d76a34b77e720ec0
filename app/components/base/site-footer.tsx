import { useState } from 'react'
import { chooseTheme, isTheme, type Theme } from '~/client/theme'
import { useHydrated } from './hydrated'

const themeWords: Record<Theme, string> = { auto: 'As my device', light: 'Light', dark: 'Dark' }

export function SiteFooter({ theme }: { theme: Theme }) {
  return (
    <footer className="no-print mt-auto border-t border-rule text-small text-soft">
      <div className="mx-auto flex min-h-20 max-w-wide flex-wrap items-center justify-between gap-x-8 gap-y-2 px-5 py-4">
        <p>
          Every key is capped, limited to chosen models, and ends by itself.{' '}
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
    <label className={`flex min-h-11 items-center gap-2 ${hydrated ? '' : 'invisible'}`}>
      Colours
      <select
        value={chosen}
        onChange={(event) => choose(event.target.value)}
        className="min-h-11 rounded-box border border-edge bg-raised px-2 text-ink"
      >
        {Object.entries(themeWords).map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  )
}
