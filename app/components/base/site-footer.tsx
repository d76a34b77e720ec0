import { useState } from 'react'
import { chooseTheme, isTheme, type Theme } from '~/client/theme'
import type { Operator } from '~/domain/ctx'
import { useHydrated } from './hydrated'

const themeLabels: Record<Theme, string> = { auto: 'System', light: 'Light', dark: 'Dark' }

export function SiteFooter({ theme, operator }: { theme: Theme; operator: Operator | null }) {
  return (
    <footer className="no-print mt-auto border-t border-rule text-small text-soft">
      <div
        className={
          'mx-auto flex min-h-20 max-w-wide flex-wrap items-center justify-between gap-x-8 gap-y-2 ' +
          'px-5 py-4'
        }
      >
        <p>
          Every key has a budget and an expiry.{' '}
          <a className="inline-flex min-h-11 items-center prose-link" href="/docs">
            How to use a key
          </a>
        </p>
        <div className="flex flex-wrap items-center gap-x-6">
          <OperatorLine operator={operator} />
          <ThemeChoice theme={theme} />
        </div>
      </div>
    </footer>
  )
}

function OperatorLine({ operator }: { operator: Operator | null }) {
  if (!operator) return null
  const { name, imprintUrl, privacyUrl } = operator
  return (
    <>
      {name ? <p>Run by {name}</p> : null}
      {imprintUrl ? (
        <a className="inline-flex min-h-11 items-center prose-link" href={imprintUrl}>
          Imprint
        </a>
      ) : null}
      {privacyUrl ? (
        <a className="inline-flex min-h-11 items-center prose-link" href={privacyUrl}>
          Privacy
        </a>
      ) : null}
    </>
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
