import { CopyButton } from '../base/copy-button'

/** The models a key may call, by the id that goes into a request. */
export function ModelList({ models }: { models: string[] }) {
  return (
    <ul className="divide-y divide-rule border-y border-rule">
      {models.map((model, index) => (
        <li
          key={model}
          className="flex min-h-14 items-center justify-between gap-x-4 gap-y-1 py-1.5"
        >
          <code
            id={`model-${index}`}
            className="min-w-0 font-mono text-small [overflow-wrap:anywhere]"
          >
            {model}
          </code>
          <CopyButton text={model} label={model} targetId={`model-${index}`} />
        </li>
      ))}
    </ul>
  )
}
