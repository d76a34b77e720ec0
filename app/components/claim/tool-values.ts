/**
 * What each tool needs to know of a key, in the tool's own names: the one truth behind the snippets
 * that people copy and the configuration that the setup in one line writes.
 */

export type Variable = [name: string, value: string]

/** A list of models that holds none allows all of them. */
export function knownModels(models: string[]): { model: string; all: string[] } {
  const all = models.length > 0 ? models : ['openrouter/auto']
  return { all, model: all[0] ?? 'openrouter/auto' }
}

/** An unset role asks for a model of its own choice, which a limited key may not use. */
const modelRoles = [
  'ANTHROPIC_DEFAULT_OPUS_MODEL',
  'ANTHROPIC_DEFAULT_SONNET_MODEL',
  'ANTHROPIC_DEFAULT_HAIKU_MODEL',
  'ANTHROPIC_DEFAULT_FABLE_MODEL',
  'CLAUDE_CODE_SUBAGENT_MODEL',
]

type Terms = { baseUrl: string; model: string; key: string }

/** The API key is empty: otherwise Claude Code uses the person's own account. */
export const claudeCodeVariables = ({ baseUrl, model, key }: Terms): Variable[] => [
  ['ANTHROPIC_BASE_URL', baseUrl.replace(/\/v1\/?$/, '')],
  ['ANTHROPIC_AUTH_TOKEN', key],
  ['ANTHROPIC_API_KEY', ''],
  ...modelRoles.map((role): Variable => [role, model]),
]

export const claudeCodeNote =
  'If you have signed in before, run /logout first. It does not read .env files.'

export const codexTop = (model: string): Variable[] => [
  ['model', model],
  ['model_provider', 'openrouter'],
]

export const codexProvider = {
  table: 'model_providers.openrouter',
  /** `key` is how the key gets there. */
  entries: (baseUrl: string, key: Variable): Variable[] => [
    ['name', 'OpenRouter'],
    ['base_url', baseUrl],
    key,
    ['wire_api', 'responses'],
  ],
}

export const opencodeConfig = (terms: { baseUrl: string; models: string[]; key: string }) => ({
  $schema: 'https://opencode.ai/config.json',
  model: `openrouter/${terms.models[0]}`,
  small_model: `openrouter/${terms.models[0]}`,
  provider: {
    openrouter: {
      options: { baseURL: terms.baseUrl, apiKey: terms.key },
      models: Object.fromEntries(terms.models.map((id) => [id, {}])),
    },
  },
})

export const aiderModel = (model: string): string => `openrouter/${model}`

export const continueModel = ({ baseUrl, model, key }: Terms): Variable[] => [
  ['name', model],
  ['provider', 'openrouter'],
  ['model', model],
  ['apiBase', baseUrl],
  ['apiKey', key],
]

export const gooseVariables = ({ baseUrl, model }: Omit<Terms, 'key'>): Variable[] => [
  ['OPENROUTER_HOST', baseUrl.replace(/\/api\/v1\/?$/, '')],
  ['GOOSE_PROVIDER', 'openrouter'],
  ['GOOSE_MODEL', model],
]
