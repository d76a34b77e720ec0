/** Ids of models, which break anywhere rather than widen the page. */
export function ModelList({ models }: { models: string[] }) {
  return (
    <ul>
      {models.map((model) => (
        <li key={model}>
          <code className="font-mono text-small [overflow-wrap:anywhere]">{model}</code>
        </li>
      ))}
    </ul>
  )
}
