import { CopyButton } from '../base/copy-button'
import { CopyWithKey } from './copy-with-key'
import { keyPlaceholder } from './snippets'

/** One text to copy, under its name; with the key where it has a place for one. */
export function CodeBlock({ id, label, text }: { id: string; label: string; text: string }) {
  return (
    <div className="mt-3">
      <div className="mb-1.5 flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p className="font-mono text-small [overflow-wrap:anywhere] text-soft">{label}</p>
        <div className="flex flex-wrap gap-2">
          <CopyButton text={text} label={label} targetId={id} />
          {text.includes(keyPlaceholder) ? <CopyWithKey text={text} label={label} /> : null}
        </div>
      </div>
      <pre
        tabIndex={0}
        aria-label={label}
        className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small"
      >
        <code id={id}>{text}</code>
      </pre>
    </div>
  )
}

/** The PowerShell form of what stands above, folded; it works without a script. */
export function PowerShellBlock({ id, text }: { id: string; text: string }) {
  return (
    <details className="mt-2">
      <summary className="inline-flex min-h-11 items-center text-small prose-link">
        The same for Windows (PowerShell)
      </summary>
      <CodeBlock id={id} label="PowerShell" text={text} />
    </details>
  )
}
