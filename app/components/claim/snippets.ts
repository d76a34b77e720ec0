/**
 * How to use a key in the tools people bring. Guarantee: no snippet holds a key. Where one is needed
 * stands `keyPlaceholder`, which the page replaces in what it copies, and only there.
 */
import type { ToolId } from '~/domain/workshop-file'
import {
  aiderModel,
  claudeCodeNote,
  claudeCodeVariables,
  codexProvider,
  codexTop,
  continueModel,
  gooseVariables,
  knownModels,
  opencodeConfig,
  type Variable,
} from './tool-values'

/** One thing to copy: a file, or commands for a terminal with their PowerShell form. */
export type Block = { label: string; text: string; powershell?: string }

export type Snippet = {
  id: ToolId
  name: string
  /** The file to write, or where the values go; null where a terminal is all. */
  file: string | null
  note: string | null
  blocks: Block[]
  /** What one sees when it works. */
  sees: string
}

export type SnippetInput = { baseUrl: string; models: string[]; tools?: ToolId[] }

export const keyPlaceholder = 'paste-your-key-here'

export const withKey = (text: string, key: string) => text.replaceAll(keyPlaceholder, key)

/** Shown unfolded where a workshop's file chooses none. */
const firstTools: ToolId[] = ['curl', 'python', 'claude-code']

/**
 * OpenRouter reserves a request's most expensive outcome from the limit: without max_tokens small
 * limits fail with 402.
 */
const maxTokens = 400

const lines = (...text: string[]) => text.join('\n')

/** Covers .env and every file that ends in it. */
export const gitignoreLine = '*.env'

/**
 * The contents of a .env file. The OpenAI names are set together: with the address alone, an SDK
 * would send the person's own OpenAI key there.
 */
export function envFile(key: string | null, baseUrl: string): string {
  const shown = key ?? keyPlaceholder
  return lines(
    '# Never commit this file.',
    `OPENROUTER_API_KEY=${shown}`,
    `OPENAI_API_KEY=${shown}`,
    `OPENAI_BASE_URL=${baseUrl}`,
    '',
  )
}

/** The commands that load it; no SDK does so by itself. */
export const envCommands: Block = {
  label: 'Load it',
  text: lines(
    'node --env-file=.env hello.mjs',
    'uv run --env-file .env hello.py',
    'set -a; source .env; set +a   # for everything in this terminal',
  ),
  powershell: lines(
    'node --env-file=.env hello.mjs',
    'uv run --env-file .env hello.py',
    'Get-Content .env | Where-Object { $_ -match "^\\w+=" } | ForEach-Object {',
    '  $name, $value = $_ -split "=", 2; Set-Item "env:$name" $value',
    '}',
  ),
}

/** Commands for both shells: variables, then what runs in both alike. */
function terminal(variables: Variable[], run: string[], before: string[] = []): Block {
  return {
    label: 'Terminal',
    text: lines(...before, ...variables.map(([name, value]) => `export ${name}=${value}`), ...run),
    powershell: lines(
      ...before,
      ...variables.map(([name, value]) => `$env:${name} = "${value.replaceAll('"', '')}"`),
      ...run,
    ),
  }
}

const tomlLine = ([name, value]: Variable) => `${name} = ${JSON.stringify(value)}`

const ownKey: Variable = ['OPENROUTER_API_KEY', keyPlaceholder]
const greets = 'You see a short greeting of the model.'

type Terms = { baseUrl: string; model: string; models: string[] }

const snippetOf: Record<ToolId, (terms: Terms) => Omit<Snippet, 'id'>> = {
  curl: ({ baseUrl, model }) => ({
    name: 'curl',
    file: null,
    note: null,
    blocks: [
      {
        label: 'Terminal',
        text: lines(
          `export OPENROUTER_API_KEY=${keyPlaceholder}`,
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
        powershell: lines(
          `$env:OPENROUTER_API_KEY = "${keyPlaceholder}"`,
          '',
          '$body = @{',
          `  model = "${model}"`,
          `  max_tokens = ${maxTokens}`,
          '  messages = @(@{ role = "user"; content = "Say hello." })',
          '} | ConvertTo-Json -Depth 5',
          '$headers = @{ Authorization = "Bearer $env:OPENROUTER_API_KEY" }',
          `$answer = Invoke-RestMethod ${baseUrl}/chat/completions -Method Post -Headers $headers \``,
          '  -ContentType "application/json" -Body $body',
          '$answer.choices[0].message.content',
        ),
      },
    ],
    sees: 'You see JSON with a greeting in “content”; PowerShell prints the greeting alone.',
  }),
  python: ({ baseUrl, model }) => ({
    name: 'Python',
    file: 'hello.py',
    note: null,
    blocks: [
      {
        label: 'hello.py',
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
      terminal([ownKey], ['python hello.py'], ['pip install openai']),
    ],
    sees: greets,
  }),
  typescript: ({ baseUrl, model }) => ({
    name: 'TypeScript',
    file: 'hello.mts',
    note: 'The ending .mts makes it a module in every folder. It needs Node 22 or later.',
    blocks: [
      {
        label: 'hello.mts',
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
      terminal([ownKey], ['npx tsx hello.mts'], ['npm init -y', 'npm install openai']),
    ],
    sees: greets,
  }),
  'claude-code': ({ baseUrl, model }) => ({
    name: 'Claude Code',
    file: null,
    note: `ANTHROPIC_API_KEY must be empty: otherwise Claude Code uses your own account. ${claudeCodeNote}`,
    blocks: [
      terminal(
        claudeCodeVariables({ baseUrl, model, key: keyPlaceholder }).map(
          ([name, value]): Variable => [name, value === '' ? '""' : value],
        ),
        [`claude --model ${model}`],
      ),
    ],
    sees: 'Claude Code starts and names the model above. Ask it for a greeting.',
  }),
  codex: ({ baseUrl, model }) => ({
    name: 'Codex',
    file: '~/.codex/config.toml',
    note:
      'Add this to the file: the first two lines at its top, the table at its end. ' +
      'Remove them to return to your own account.',
    blocks: [
      {
        label: '~/.codex/config.toml',
        text: lines(
          ...codexTop(model).map(tomlLine),
          '',
          `[${codexProvider.table}]`,
          ...codexProvider.entries(baseUrl, ['env_key', 'OPENROUTER_API_KEY']).map(tomlLine),
        ),
      },
      terminal([ownKey], ['codex exec --skip-git-repo-check "Say hello."']),
    ],
    sees: 'Codex names the model and provider, then greets. “codex” alone opens it.',
  }),
  opencode: ({ baseUrl, models }) => ({
    name: 'opencode',
    file: 'opencode.json',
    note: 'In the folder of your project.',
    blocks: [
      {
        label: 'opencode.json',
        text: JSON.stringify(
          opencodeConfig({ baseUrl, models, key: '{env:OPENROUTER_API_KEY}' }),
          null,
          2,
        ),
      },
      terminal([ownKey], ['opencode run "Say hello."']),
    ],
    sees: 'You see a short greeting. “opencode” alone opens it.',
  }),
  aider: ({ baseUrl, model }) => ({
    name: 'aider',
    file: null,
    note: null,
    blocks: [
      terminal([ownKey, ['OPENROUTER_API_BASE', baseUrl]], [`aider --model ${aiderModel(model)}`]),
    ],
    sees: 'aider starts and names the model above. Ask it for a greeting.',
  }),
  cursor: ({ baseUrl, model }) => ({
    name: 'Cursor',
    file: 'Settings, Models, API keys',
    note: 'Turn the OpenAI key on and override its base URL. Agents may still need a Cursor plan.',
    blocks: [
      {
        label: 'Values',
        text: lines(
          `OpenAI API Key  ${keyPlaceholder}`,
          `Base URL        ${baseUrl}/cursor`,
          `Model           ${model}`,
        ),
      },
    ],
    sees: 'Cursor verifies the key. Pick the model in the chat and ask it for a greeting.',
  }),
  continue: ({ baseUrl, model }) => ({
    name: 'Continue',
    file: '~/.continue/config.yaml',
    note: 'If the file exists, add the entry to its list of models.',
    blocks: [
      {
        label: '~/.continue/config.yaml',
        text: lines(
          'name: Workshop',
          'version: 0.0.1',
          'schema: v1',
          'models:',
          ...continueModel({ baseUrl, model, key: keyPlaceholder }).map(
            ([name, value], index) => `${index === 0 ? '  - ' : '    '}${name}: ${value}`,
          ),
        ),
      },
    ],
    sees: 'The model is in the list of the chat in your editor. Ask it for a greeting.',
  }),
  goose: ({ baseUrl, model }) => ({
    name: 'goose',
    file: null,
    note: null,
    blocks: [
      terminal([ownKey, ...gooseVariables({ baseUrl, model })], ['goose run --text "Say hello."']),
    ],
    sees: 'You see a short greeting. “goose session” opens it.',
  }),
}

/** Every tool, those that the workshop's file chose first. */
export function snippets({ baseUrl, models, tools }: SnippetInput): Snippet[] {
  const { model, all } = knownModels(models)
  const terms = { baseUrl, models: all, model }
  const first = tools && tools.length > 0 ? tools : firstTools
  const rest = (Object.keys(snippetOf) as ToolId[]).filter((id) => !first.includes(id))
  return [...first, ...rest].map((id) => ({ id, ...snippetOf[id](terms) }))
}
