/**
 * The script that sets a tool up, filled in for this deployment. It holds what it will write with
 * placeholders in the place of key and model, so that anybody can read it before they run it, and
 * never a key.
 */
import type { SetupTool } from '~/domain/claim/setup-tools'
import { setupUrl } from '~/urls'
import formats from './setup/formats.mjs?raw'
import source from './setup/setup.mjs?raw'
import { keyPlaceholder } from './snippets'
import {
  aiderModel,
  claudeCodeNote,
  claudeCodeVariables,
  codexProvider,
  codexTop,
  continueModel,
  gooseVariables,
  opencodeConfig,
  type Variable,
} from './tool-values'

/** Stands for the first model of the key's list; as a name in JSON, for each of them. */
const modelPlaceholder = 'first-model-of-your-key'

/** What the script writes into one file: see setup/formats.mjs. */
type FileChange =
  | { merge: object }
  | { top: object; table: string; entries: object }
  | { set?: object; setIfAbsent?: object; lists?: Record<string, string[][]> }

type ToolSettings = { name: string; run: string; note: string; files: FileChange[] }

function settingsOf(baseUrl: string): Record<SetupTool, ToolSettings> {
  const terms = { baseUrl, model: modelPlaceholder, key: keyPlaceholder }
  return {
    'claude-code': {
      name: 'Claude Code',
      run: 'claude',
      note: claudeCodeNote,
      files: [
        {
          merge: {
            env: {
              ...Object.fromEntries(claudeCodeVariables(terms)),
              ANTHROPIC_MODEL: modelPlaceholder,
            },
          },
        },
      ],
    },
    codex: {
      name: 'Codex',
      run: 'codex',
      note: 'The key is in config.toml: share that file with nobody.',
      files: [
        {
          top: Object.fromEntries(codexTop(modelPlaceholder)),
          table: codexProvider.table,
          entries: Object.fromEntries(
            codexProvider.entries(baseUrl, ['experimental_bearer_token', keyPlaceholder]),
          ),
        },
      ],
    },
    opencode: {
      name: 'opencode',
      run: 'opencode',
      note: 'An opencode.json in the folder of a project counts before this one.',
      files: [{ merge: opencodeConfig({ ...terms, models: [modelPlaceholder] }) }],
    },
    aider: {
      name: 'aider',
      run: 'aider',
      note: 'An .aider.conf.yml in the folder of a project counts before this one.',
      files: [
        {
          set: { model: aiderModel(modelPlaceholder), 'weak-model': aiderModel(modelPlaceholder) },
          lists: {
            'api-key': [[JSON.stringify(`openrouter=${keyPlaceholder}`)]],
            'set-env': [[JSON.stringify(`OPENROUTER_API_BASE=${baseUrl}`)]],
          },
        },
      ],
    },
    continue: {
      name: 'Continue',
      run: 'cn',
      note: 'In your editor, choose the model in the list of the chat.',
      files: [
        {
          setIfAbsent: { name: 'Workshop', version: '0.0.1', schema: 'v1' },
          lists: { models: [continueModel(terms).map(yamlLine)] },
        },
      ],
    },
    goose: {
      name: 'goose',
      run: 'goose session',
      note: 'goose reads its secrets from secrets.yaml in place of the keyring until you undo this.',
      files: [
        {
          set: {
            ...Object.fromEntries(gooseVariables(terms)),
            GOOSE_DISABLE_KEYRING: true,
          },
        },
        { set: { OPENROUTER_API_KEY: keyPlaceholder } },
      ],
    },
  }
}

const yamlLine = ([name, value]: Variable) => `${name}: ${JSON.stringify(value)}`

/** For PowerShell, which pipes plain ASCII and nothing else without loss. */
const ascii = (json: string) =>
  json.replace(
    /[^\x20-\x7e\n]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

export function setupScript({ origin, baseUrl }: { origin: string; baseUrl: string }): string {
  const values = {
    origin,
    page: `${origin}${setupUrl}`,
    keyPlaceholder,
    modelPlaceholder,
    tools: settingsOf(baseUrl),
  }
  const literal = ascii(JSON.stringify(values, null, 2))
  // One file: what it imports stands in the place of the import.
  return source
    .replace(/^\/\* global .*\n\n/m, '')
    .replace(/^import .*\n/m, () => formats.replace(/^export /gm, ''))
    .replace(/^const site = .*$/m, () => `const site = ${literal}`)
    .replaceAll('https://keymint.invalid', () => ascii(origin))
}
