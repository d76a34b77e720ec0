/**
 * How to use a key in the tools people bring. Every snippet reads the environment variable
 * OPENROUTER_API_KEY; only the `.env` file holds the key itself, and only when it is given.
 */
export type Snippet = { id: string; name: string; file: string | null; note: string; text: string }

export type SnippetInput = { baseUrl: string; models: string[] }

/**
 * OpenRouter reserves a request's most expensive outcome from the limit: without max_tokens small
 * limits fail with 402.
 */
const maxTokens = 400

const lines = (...text: string[]) => text.join('\n')

export const gitignoreLine = '.env'

/** The contents of a .env file. Without a key, an empty value to fill in. */
export function envFile(key: string | null, baseUrl: string): string {
  return lines(
    '# Never commit this file.',
    `OPENROUTER_API_KEY=${key ?? ''}`,
    `OPENAI_BASE_URL=${baseUrl}`,
    '',
  )
}

export function snippets({ baseUrl, models }: SnippetInput): Snippet[] {
  const model = models[0] ?? 'openrouter/auto'
  const anthropicBase = baseUrl.replace(/\/v1\/?$/, '')
  const json = (value: unknown) => JSON.stringify(value, null, 2)
  return [
    {
      id: 'curl',
      name: 'curl',
      file: null,
      note: 'Paste the key into your shell once, then send a message.',
      text: lines(
        'export OPENROUTER_API_KEY=   # paste your key here',
        '',
        `curl ${baseUrl}/chat/completions \\`,
        '  -H "Authorization: Bearer $OPENROUTER_API_KEY" \\',
        '  -H "Content-Type: application/json" \\',
        "  -d '{",
        `    "model": ${JSON.stringify(model)},`,
        `    "max_tokens": ${maxTokens},`,
        '    "messages": [{ "role": "user", "content": "Say hello." }]',
        "  }'",
      ),
    },
    {
      id: 'python',
      name: 'Python',
      file: 'hello.py',
      note: 'pip install openai',
      text: lines(
        'import os',
        'from openai import OpenAI',
        '',
        'client = OpenAI(',
        `    base_url="${baseUrl}",`,
        '    api_key=os.environ["OPENROUTER_API_KEY"],',
        ')',
        'answer = client.chat.completions.create(',
        `    model="${model}",`,
        `    max_tokens=${maxTokens},`,
        '    messages=[{"role": "user", "content": "Say hello."}],',
        ')',
        'print(answer.choices[0].message.content)',
      ),
    },
    {
      id: 'typescript',
      name: 'TypeScript',
      file: 'hello.ts',
      note: 'npm install openai',
      text: lines(
        "import OpenAI from 'openai'",
        '',
        'const client = new OpenAI({',
        `  baseURL: '${baseUrl}',`,
        '  apiKey: process.env.OPENROUTER_API_KEY,',
        '})',
        'const answer = await client.chat.completions.create({',
        `  model: '${model}',`,
        `  max_tokens: ${maxTokens},`,
        "  messages: [{ role: 'user', content: 'Say hello.' }],",
        '})',
        'console.log(answer.choices[0]?.message.content)',
      ),
    },
    {
      id: 'claude-code',
      name: 'Claude Code',
      file: null,
      note: 'ANTHROPIC_API_KEY must be empty, not unset: otherwise Claude Code uses your own account.',
      text: lines(
        `export ANTHROPIC_BASE_URL=${anthropicBase}`,
        'export ANTHROPIC_AUTH_TOKEN=$OPENROUTER_API_KEY',
        'export ANTHROPIC_API_KEY=""',
        `claude --model ${model}`,
      ),
    },
    {
      id: 'codex',
      name: 'Codex',
      file: '~/.codex/config.toml',
      note: 'Codex reads the key from the variable that env_key names.',
      text: lines(
        `model = "${model}"`,
        'model_provider = "openrouter"',
        '',
        '[model_providers.openrouter]',
        'name = "OpenRouter"',
        `base_url = "${baseUrl}"`,
        'env_key = "OPENROUTER_API_KEY"',
        'wire_api = "chat"',
      ),
    },
    {
      id: 'opencode',
      name: 'opencode',
      file: 'opencode.json',
      note: 'opencode knows OpenRouter: run /connect, pick OpenRouter, and paste the key.',
      text: json({
        $schema: 'https://opencode.ai/config.json',
        model: `openrouter/${model}`,
        provider: {
          openrouter: {
            models: Object.fromEntries(
              (models.length > 0 ? models : [model]).map((id) => [id, {}]),
            ),
          },
        },
      }),
    },
    {
      id: 'aider',
      name: 'aider',
      file: null,
      note: 'aider finds the key in OPENROUTER_API_KEY.',
      text: `aider --model openrouter/${model}`,
    },
    {
      id: 'cursor',
      name: 'Cursor',
      file: null,
      note:
        'Settings, Models, API keys: paste the key as OpenAI API Key and override its base URL. ' +
        'Agent features may still need a Cursor plan.',
      text: lines(`Base URL  ${baseUrl}`, `Model     ${model}`),
    },
  ]
}
