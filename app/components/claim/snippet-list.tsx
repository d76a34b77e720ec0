import { CopyButton } from '../base/copy-button'
import { ChevronIcon } from '../base/icons'
import type { Snippet } from './snippets'

/**
 * One tool open at a time, by the browser's own <details>: keyboard, search and no-script included.
 */
export function SnippetList({ snippets }: { snippets: Snippet[] }) {
  return (
    <div className="border-t border-rule">
      {snippets.map((snippet, index) => (
        <details
          key={snippet.id}
          name="snippet"
          open={index === 0}
          className="group border-b border-rule"
        >
          <summary className="flex min-h-12 list-none items-center gap-2 font-semibold">
            <span className="transition-transform duration-150 group-open:rotate-90">
              <ChevronIcon size={18} />
            </span>
            {snippet.name}
            {snippet.file ? (
              <span className="ml-auto font-mono text-small font-normal text-soft">
                {snippet.file}
              </span>
            ) : null}
          </summary>
          <div className="pb-5">
            <div className="mb-3 flex items-center justify-between gap-4">
              <p className="text-small text-soft">{snippet.note}</p>
              <CopyButton
                text={snippet.text}
                label={`the ${snippet.name} snippet`}
                targetId={`snippet-${snippet.id}`}
              />
            </div>
            <pre
              tabIndex={0}
              aria-label={`${snippet.name} snippet`}
              className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small"
            >
              <code id={`snippet-${snippet.id}`}>{snippet.text}</code>
            </pre>
          </div>
        </details>
      ))}
    </div>
  )
}
