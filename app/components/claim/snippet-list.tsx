import { ChevronIcon } from '../base/icons'
import { CodeBlock, PowerShellBlock } from './code-block'
import { setupLine } from './setup-lines'
import type { Snippet } from './snippets'

const unfolded = 3

/**
 * Three tools, one of them open, and the rest folded, by the browser's own <details>: keyboard,
 * search and no-script included.
 */
export function SnippetList({
  snippets,
  origin,
}: {
  snippets: Snippet[]
  /** Where the one-line setup comes from; absent for a key that it cannot fetch. */
  origin?: string | undefined
}) {
  const rest = snippets.slice(unfolded)
  return (
    <div className="border-t border-rule">
      {snippets.slice(0, unfolded).map((snippet, index) => (
        <Tool key={snippet.id} snippet={snippet} origin={origin} open={index === 0} />
      ))}
      <details className="group/more border-b border-rule">
        <summary className="flex min-h-12 list-none items-center gap-2 font-semibold">
          <span className="transition-transform duration-150 group-open/more:rotate-90">
            <ChevronIcon size={18} />
          </span>
          <span>
            More tools{' '}
            <span className="text-small font-normal text-soft group-open/more:hidden">
              {rest.map(({ name }) => name).join(', ')}
            </span>
          </span>
        </summary>
        <div className="pl-6">
          {rest.map((snippet) => (
            <Tool key={snippet.id} snippet={snippet} origin={origin} open={false} />
          ))}
        </div>
      </details>
    </div>
  )
}

function Tool({
  snippet,
  origin,
  open,
}: {
  snippet: Snippet
  origin: string | undefined
  open: boolean
}) {
  const line = origin === undefined ? null : setupLine(origin, snippet.id)
  return (
    <details name="snippet" open={open} className="group border-b border-rule last:border-b-0">
      <summary className="flex min-h-12 list-none flex-wrap items-center gap-x-2">
        <span className="transition-transform duration-150 group-open:rotate-90">
          <ChevronIcon size={18} />
        </span>
        <span className="font-semibold">{snippet.name}</span>
        {snippet.file ? (
          <span className="ml-auto font-mono text-small [overflow-wrap:anywhere] text-soft">
            {snippet.file}
          </span>
        ) : null}
      </summary>
      <div className="pb-5">
        {line ? (
          <>
            <CodeBlock
              id={`setup-${snippet.id}`}
              label={`In one line, for ${snippet.name}`}
              text={line.text}
            />
            <PowerShellBlock id={`setup-${snippet.id}-ps`} text={line.powershell} />
            <p className="mt-3 mb-2 font-semibold">By hand</p>
          </>
        ) : null}
        {snippet.note ? <p className="text-small text-soft">{snippet.note}</p> : null}
        {snippet.blocks.map(({ label, text, powershell }, index) => (
          <div key={label}>
            <CodeBlock
              id={`snippet-${snippet.id}-${index}`}
              label={label === 'Terminal' ? `Terminal, for ${snippet.name}` : label}
              text={text}
            />
            {powershell ? (
              <PowerShellBlock id={`snippet-${snippet.id}-${index}-ps`} text={powershell} />
            ) : null}
          </div>
        ))}
        <p className="mt-3 text-small">{snippet.sees}</p>
      </div>
    </details>
  )
}
