import type { MetaFunction } from '@remix-run/node'
import { Link, useLoaderData } from '@remix-run/react'
import { ModelList } from '~/components/claim/model-list'
import { PageShell, Section } from '~/components/base/page-shell'
import { SnippetList } from '~/components/claim/snippet-list'
import { envFile, gitignoreLine, snippets } from '~/components/claim/snippets'
import { capWords } from '~/components/claim/workshop-facts'
import { listWorkshopViews } from '~/domain/workshop/view.server'
import { workshopUrl } from '~/urls'
import { handler } from '~/web/handler.server'

export const loader = handler(async ({ ctx }) => {
  const open = (await listWorkshopViews(ctx)).filter((workshop) => workshop.window === 'open')
  return { baseUrl: ctx.settings.providerBaseUrl, open }
})

export const meta: MetaFunction = () => [
  { title: 'How to use a key · Keymint' },
  {
    name: 'description',
    content: 'Base URL, models, limits, and examples in curl, JavaScript and Python.',
  },
]

export default function Docs() {
  const { baseUrl, open } = useLoaderData<typeof loader>()
  const models = open[0]?.allowedModels ?? []
  return (
    <PageShell
      title="How to use a key."
      lead="A key of Keymint is an OpenRouter key: whatever speaks the OpenAI or the Anthropic API can use it."
      back={{ to: '/', label: 'Start' }}
    >
      <Section title="Base URL" id="base-url">
        <p>
          <code className="font-mono [overflow-wrap:anywhere]">{baseUrl}</code>
        </p>
        <p className="mt-2 text-soft">
          Send the key as <code className="font-mono text-small">Authorization: Bearer …</code>.
          Keep it in the environment variable{' '}
          <code className="font-mono text-small">OPENROUTER_API_KEY</code>, and in no file that you
          commit.
        </p>
      </Section>

      <Section title="Examples" id="examples">
        <SnippetList snippets={snippets({ baseUrl, models })} />
        <h3 className="mt-8 mb-2 text-lead font-semibold">Your .env file</h3>
        <pre
          tabIndex={0}
          aria-label=".env file"
          className="overflow-x-auto rounded-box border border-rule bg-sunk p-4 font-mono text-small"
        >
          <code>{envFile(null, baseUrl)}</code>
        </pre>
        <p className="mt-3 text-soft">
          Put the line <code className="font-mono text-small">{gitignoreLine}</code> into your
          .gitignore first.
        </p>
      </Section>

      <Section title="Models and limits" id="limits">
        {open.length === 0 ? (
          <p className="text-soft">
            Nothing is open just now. The page of your key says which models it may use and what is
            left of it.
          </p>
        ) : (
          open.map((workshop) => (
            <div key={workshop.slug} className="mb-8">
              <h3 className="text-lead font-semibold">
                <Link className="prose-link" to={workshopUrl(workshop.slug)}>
                  {workshop.title}
                </Link>
              </h3>
              <p className="mb-3 text-soft">{capWords(workshop)}.</p>
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
          A cap “a day” starts again at midnight UTC, one “a week” on Monday, one “a month” on the
          1st. What was not used is not carried over. Requests already under way when a cap is
          reached may pass it by their cost.
        </p>
      </Section>

      <Section title="What a key may be used for" id="acceptable-use">
        <ul className="list-disc space-y-2 pl-5">
          <li>
            It is yours alone. Do not share, publish, resell or rent it:{' '}
            <strong>OpenRouter’s terms forbid reselling access</strong>, and so does whoever pays
            for this key.
          </li>
          <li>
            Learn, build and try things. Do not run a service for others on it: it ends by itself,
            and so would the service.
          </li>
          <li>
            One key for each person. Further accounts to get further keys are barred, and their keys
            taken back.
          </li>
          <li>
            Send nothing that you must keep secret: requests go to OpenRouter and on to the provider
            of the model, under their terms.
          </li>
          <li>
            Spam, malware, attacks on others and what the providers’ own rules forbid end the key.
          </li>
          <li>
            If it has leaked, replace it on its page at once. Until then anyone who finds it can
            spend what is left.
          </li>
        </ul>
      </Section>
    </PageShell>
  )
}

const answers: [string, string][] = [
  ['401', 'The key has ended, was taken back, or is not complete. Its page says which.'],
  [
    '402',
    'The account behind all keys is out of credit, or one request asks for more than is left. Set a smaller max_tokens.',
  ],
  ['403 Key limit exceeded', 'The cap of this key is reached. Its page says when it starts again.'],
  ['404 No endpoints available', 'The model is not among those that this key may use.'],
  ['429', 'Too many requests at once. Wait as long as Retry-After says.'],
]
