/**
 * How to use a key in the tools people bring. Every snippet reads the environment variable
 * OPENROUTER_API_KEY; only the `.env` file holds the key itself, and only when it is given.
 */
export type Snippet = { id: string; name: string; file: string | null; note: string; text: string }

export type SnippetInput = { baseUrl: string; models: string[] }

/** Where keys are used. */

/**
 * OpenRouter reserves a request's most expensive outcome from the cap: without max_tokens small
 * caps fail with 402.
 */
const maxTokens = 400

export const gitignoreLine = '.env'

/** The contents of a .env file. Without a key, a place to paste it. */
export function envFile(key: string | null, baseUrl: string): string {
  return `# Never commit this file.\nOPENROUTER_API_KEY=${key ?? ''}\nOPENAI_BASE_URL=${baseUrl}\n`
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
      note: 'Paste the key into your shell once, then send a first message.',
      text: `export OPENROUTER_API_KEY=   # paste your key here\n\ncurl ${baseUrl}/chat/completions \\\n  -H "Authorization: Bearer $OPENROUTER_API_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '{\n    "model": ${JSON.stringify(model)},\n    "max_tokens": ${maxTokens},\n    "messages": [{ "role": "user", "content": "Say hello." }]\n  }'`,
    },
    {
      id: 'python',
      name: 'Python',
      file: 'hello.py',
      note: 'pip install openai',
      text: `import os\nfrom openai import OpenAI\n\nclient = OpenAI(\n    base_url="${baseUrl}",\n    api_key=os.environ["OPENROUTER_API_KEY"],\n)\nanswer = client.chat.completions.create(\n    model="${model}",\n    max_tokens=${maxTokens},\n    messages=[{"role": "user", "content": "Say hello."}],\n)\nprint(answer.choices[0].message.content)`,
    },
    {
      id: 'typescript',
      name: 'TypeScript',
      file: 'hello.ts',
      note: 'npm install openai',
      text: `import OpenAI from 'openai'\n\nconst client = new OpenAI({\n  baseURL: '${baseUrl}',\n  apiKey: process.env.OPENROUTER_API_KEY,\n})\nconst answer = await client.chat.completions.create({\n  model: '${model}',\n  max_tokens: ${maxTokens},\n  messages: [{ role: 'user', content: 'Say hello.' }],\n})\nconsole.log(answer.choices[0]?.message.content)`,
    },
    {
      id: 'claude-code',
      name: 'Claude Code',
      file: null,
      note: 'ANTHROPIC_API_KEY must be empty, not unset: otherwise Claude Code uses your own account.',
      text: `export ANTHROPIC_BASE_URL=${anthropicBase}\nexport ANTHROPIC_AUTH_TOKEN=$OPENROUTER_API_KEY\nexport ANTHROPIC_API_KEY=""\nclaude --model ${model}`,
    },
    {
      id: 'codex',
      name: 'Codex',
      file: '~/.codex/config.toml',
      note: 'Codex reads the key from the variable that env_key names.',
      text: `model = "${model}"\nmodel_provider = "openrouter"\n\n[model_providers.openrouter]\nname = "OpenRouter"\nbase_url = "${baseUrl}"\nenv_key = "OPENROUTER_API_KEY"\nwire_api = "chat"`,
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
      note: 'Settings, Models, API keys: paste the key under OpenAI API Key and override its base URL with this. Agent features may still ask for a plan of Cursor’s own.',
      text: `Base URL  ${baseUrl}\nModel     ${model}`,
    },
  ]
}
