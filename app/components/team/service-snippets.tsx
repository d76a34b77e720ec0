import type { SubKeyView } from '~/domain/team/view-types'
import { CopyButton } from '../base/copy-button'
import { Section } from '../base/page-shell'
import { RevealUrlProvider } from '../claim/reveal-url'
import { SnippetList } from '../claim/snippet-list'
import { snippets as toolSnippets } from '../claim/snippets'
import { runpodSnippets, s3Snippets, type ServiceSnippet } from './service-snippet-texts'

const byService: Record<string, ServiceSnippet[]> = { s3: s3Snippets, runpod: runpodSnippets }

const litellm = (baseUrl: string, model: string): ServiceSnippet[] => [
  {
    title: 'Environment',
    text: `export OPENAI_API_KEY=…\nexport OPENAI_BASE_URL=${baseUrl}`,
  },
  {
    title: 'curl',
    text: [
      `curl "$OPENAI_BASE_URL/chat/completions" \\`,
      '  -H "Authorization: Bearer $OPENAI_API_KEY" -H "Content-Type: application/json" \\',
      `  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello"}]}'`,
    ].join('\n'),
  },
  {
    title: 'Python (openai)',
    text: [
      'from openai import OpenAI',
      'client = OpenAI()',
      'answer = client.chat.completions.create(',
      `    model="${model}", messages=[{"role": "user", "content": "Hello"}]`,
      ')',
      'print(answer.choices[0].message.content)',
    ].join('\n'),
  },
]

/** How a key is used: its address, and the same tools that a workshop's page shows. */
export function ServiceSnippets({
  view,
  revealUrl,
}: {
  view: Pick<SubKeyView, 'service' | 'baseUrl' | 'models'>
  revealUrl: string
}) {
  const { service, baseUrl, models } = view
  const snippets =
    byService[service] ?? (baseUrl ? litellm(baseUrl, models[0] ?? 'YOUR_MODEL') : null)
  if (service === 'openrouter' && baseUrl)
    return (
      <Section title="How to use it" id="use">
        <BaseUrl url={baseUrl} />
        <RevealUrlProvider value={revealUrl}>
          <SnippetList snippets={toolSnippets({ baseUrl, models })} />
        </RevealUrlProvider>
      </Section>
    )
  if (!snippets) return null
  return (
    <Section title="How to use it" id="use">
      {baseUrl ? <BaseUrl url={baseUrl} /> : null}
      <dl className="max-w-read space-y-4">
        {snippets.map(({ title, text, prose }) => (
          <div key={title}>
            <dt className="font-semibold">{title}</dt>
            <dd>
              {prose ? (
                text
              ) : (
                <pre
                  tabIndex={0}
                  aria-label={title}
                  className="mt-1 overflow-x-auto rounded-box border border-rule bg-raised p-3 font-mono text-small"
                >
                  {text}
                </pre>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}

function BaseUrl({ url }: { url: string }) {
  return (
    <p className="mb-4 flex flex-wrap items-center gap-3">
      <span className="font-semibold">Base URL</span>
      <code id="base-url" className="font-mono text-small [overflow-wrap:anywhere]">
        {url}
      </code>
      <CopyButton text={url} label="the base URL" targetId="base-url" />
    </p>
  )
}
