import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { ModelList } from '~/components/claim/model-list'
import { PageShell, Section } from '~/components/base/page-shell'
import { SnippetList } from '~/components/claim/snippet-list'
import { EnvFile } from '~/components/claim/env-file'
import { snippets } from '~/components/claim/snippets'
import { budgetLabel } from '~/components/claim/workshop-facts'
import { listWorkshopViews } from '~/domain/workshop/view.server'
import { setupScriptUrl, setupUrl, workshopUrl } from '~/urls'
import { handler } from '~/web/handler.server'

export const loader = handler(async ({ ctx }) => {
  const open = (await listWorkshopViews(ctx)).filter((workshop) => workshop.window === 'open')
  return { baseUrl: ctx.settings.providerBaseUrl, origin: ctx.deployment.appOrigin, open }
})

export const meta: MetaFunction = () => [
  { title: 'How to use a key · Keymint' },
  {
    name: 'description',
    content: 'Base URL, models, limits, and examples in curl, JavaScript and Python.',
  },
]

export default function Docs() {
  const { baseUrl, origin, open } = useLoaderData<typeof loader>()
  const models = open[0]?.allowedModels ?? []
  return (
    <PageShell
      title="How to use a key"
      lead="Your key is an OpenRouter key. It works in every tool with an OpenAI or Anthropic API."
      back={{ to: '/', label: 'Start' }}
    >
      <Section title="Base URL" id="base-url">
        <p>
          <code className="font-mono [overflow-wrap:anywhere]">{baseUrl}</code>
        </p>
        <p className="mt-2 text-soft">
          Send the key as <code className="font-mono text-small">Authorization: Bearer …</code>.
          Keep it in the environment variable{' '}
          <code className="font-mono text-small">OPENROUTER_API_KEY</code>, never in a file that you
          commit.
        </p>
      </Section>

      <Section title="Set up a tool in one line" id="one-line">
        <ol className="list-decimal space-y-2 pl-5">
          <li>
            Run the line of your tool, from the examples below. It needs Node 18 or newer, and shows
            a code.
          </li>
          <li>
            Type the code at{' '}
            <a className="prose-link" href={setupUrl}>
              Set up a tool
            </a>
            , on the computer or on your phone. The page names the tool and the computer. Only type
            a code that you see on your own screen.
          </li>
          <li>
            The tool gets your key. What was in its configuration is kept: the same line with{' '}
            <code className="font-mono text-small">--undo</code> puts it back, byte for byte.
          </li>
        </ol>
        <p className="mt-3 text-soft">
          With <code className="font-mono text-small">--print</code> it only shows what it would
          write.{' '}
          <a className="prose-link" href={setupScriptUrl}>
            Read the script
          </a>{' '}
          before you run it. It is one file, and it holds no key.
        </p>
      </Section>

      <Section title="Examples" id="examples">
        <SnippetList snippets={snippets({ baseUrl, models })} origin={origin} />
        <EnvFile baseUrl={baseUrl} />
      </Section>

      <Section title="Models and limits" id="limits">
        {open.length === 0 ? (
          <p className="text-soft">
            No workshop is open at the moment. The page of your key shows its models and what is
            left.
          </p>
        ) : (
          open.map((workshop) => (
            <div key={workshop.slug} className="mb-8">
              <h3 className="text-lead font-semibold">
                <Link className="prose-link" to={workshopUrl(workshop.slug)}>
                  {workshop.title}
                </Link>
              </h3>
              <p className="mb-3 text-soft">{budgetLabel(workshop)}.</p>
              <ModelList models={workshop.allowedModels} />
            </div>
          ))
        )}
        <dl className="divide-y divide-rule border-y border-rule">
          {answers.map(([answer, meaning]) => (
            <div key={answer} className="grid gap-x-6 py-2.5 sm:grid-cols-[14rem_1fr]">
              <dt className="font-mono text-small">{answer}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
        <p className="mt-4 text-soft">
          A budget “a day” resets at midnight UTC, one “a week” on Monday, one “a month” on the 1st.
          You cannot carry over the rest. Requests that are running when you reach the limit may
          exceed it by their cost.
        </p>
      </Section>

      <Section title="What you may use a key for" id="acceptable-use">
        <ul className="list-disc space-y-2 pl-5">
          <li>
            It is yours alone. Do not share, publish, resell or rent it:{' '}
            <strong>OpenRouter’s terms forbid reselling access</strong>, and so does whoever pays
            for this key.
          </li>
          <li>
            Learn, build and try things. Do not run a service for others on it: the key expires, and
            your service would stop.
          </li>
          <li>
            One key per person. If you use more accounts to get more keys, we ban them and revoke
            their keys.
          </li>
          <li>
            Send nothing secret: your requests go to OpenRouter and to the provider of the model,
            under their terms.
          </li>
          <li>
            We revoke keys for spam, malware, attacks on others and anything the providers forbid.
          </li>
          <li>
            If it leaks, replace it on its page at once. Until then anyone who finds it can spend
            what is left.
          </li>
        </ul>
      </Section>
    </PageShell>
  )
}

const answers: [string, string][] = [
  ['401', 'The key has expired, was revoked, or is incomplete. Its page says which.'],
  [
    '402',
    'Your request may cost more than is left: set a smaller max_tokens. Or the organiser is out of credit.',
  ],
  ['403 Key limit exceeded', 'You have spent the budget. The key’s page says when it resets.'],
  ['404 No endpoints available', 'This key cannot use this model.'],
  ['429', 'Too many requests at once. Wait for the time in Retry-After.'],
]
