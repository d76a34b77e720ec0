/** How a key gets into a tool: by one line, or by hand. A script of its own, loaded with the key. */
import type { ToolId } from '~/domain/workshop-file'
import { setupUrl } from '~/urls'
import { EnvFile } from './env-file'
import { SnippetList } from './snippet-list'
import { snippets } from './snippets'

export default function ToolSteps({
  baseUrl,
  origin,
  models,
  tools,
}: {
  baseUrl: string
  origin: string
  models: string[]
  tools: ToolId[]
}) {
  return (
    <>
      <p className="mb-4">
        Run the line of your tool, and type the code that it shows at{' '}
        <a className="prose-link" href={setupUrl}>
          Set up a tool
        </a>
        , on any device. The key goes straight into the tool’s configuration. Or do the steps by
        hand.
      </p>
      <SnippetList snippets={snippets({ baseUrl, models, tools })} origin={origin} />
      <EnvFile baseUrl={baseUrl} />
    </>
  )
}
