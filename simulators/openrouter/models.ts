/**
 * The catalog: ids, dated canonical slugs, list prices and context sizes. A `:free` variant is a
 * model of its own, with a canonical slug of its own, so an allowlist of `x/y` never admits
 * `x/y:free`.
 */
import type { JsonObject } from '../shared/refusal.ts'

export interface CatalogModel {
  id: string
  canonicalSlug: string
  name: string
  providerName: string
  providerSlug: string
  contextLength: number
  maxCompletionTokens: number
  promptNanoPerToken: number
  completionNanoPerToken: number
  tokenizer: string
  inputs: readonly string[]
  isFree: boolean
}

type Row = readonly [
  id: string,
  date: string,
  name: string,
  provider: string,
  context: number,
  maxOutput: number,
  promptUsdPerMillion: number,
  completionUsdPerMillion: number,
  tokenizer: string,
  inputs: string,
]

const rows: readonly Row[] = [
  [
    'anthropic/claude-opus-4.6',
    '20260205',
    'Anthropic: Claude Opus 4.6',
    'Anthropic',
    1_000_000,
    128_000,
    5,
    25,
    'Claude',
    'text,image,file',
  ],
  [
    'anthropic/claude-sonnet-4.6',
    '20260217',
    'Anthropic: Claude Sonnet 4.6',
    'Anthropic',
    1_000_000,
    64_000,
    3,
    15,
    'Claude',
    'text,image,file',
  ],
  [
    'anthropic/claude-haiku-4.5',
    '20251001',
    'Anthropic: Claude Haiku 4.5',
    'Anthropic',
    200_000,
    64_000,
    1,
    5,
    'Claude',
    'text,image',
  ],
  [
    'openai/gpt-5.2',
    '20251211',
    'OpenAI: GPT-5.2',
    'OpenAI',
    400_000,
    128_000,
    1.75,
    14,
    'GPT',
    'text,image,file',
  ],
  [
    'openai/gpt-5-mini',
    '20250807',
    'OpenAI: GPT-5 Mini',
    'OpenAI',
    400_000,
    128_000,
    0.25,
    2,
    'GPT',
    'text,image,file',
  ],
  [
    'openai/gpt-5-nano',
    '20250807',
    'OpenAI: GPT-5 Nano',
    'OpenAI',
    400_000,
    128_000,
    0.05,
    0.4,
    'GPT',
    'text,image,file',
  ],
  [
    'google/gemini-3-flash-preview',
    '20251217',
    'Google: Gemini 3 Flash Preview',
    'Google',
    1_048_576,
    65_536,
    0.5,
    3,
    'Gemini',
    'text,image,file,audio,video',
  ],
  [
    'google/gemini-2.5-flash',
    '20250617',
    'Google: Gemini 2.5 Flash',
    'Google',
    1_048_576,
    65_535,
    0.3,
    2.5,
    'Gemini',
    'text,image,file,audio,video',
  ],
  [
    'google/gemini-2.5-flash-lite',
    '20250722',
    'Google: Gemini 2.5 Flash Lite',
    'Google',
    1_048_576,
    65_535,
    0.1,
    0.4,
    'Gemini',
    'text,image,file,audio,video',
  ],
  [
    'meta-llama/llama-3.3-70b-instruct',
    '20241206',
    'Meta: Llama 3.3 70B Instruct',
    'DeepInfra',
    131_072,
    16_384,
    0.1,
    0.32,
    'Llama3',
    'text',
  ],
  [
    'meta-llama/llama-3.3-70b-instruct:free',
    '20241206',
    'Meta: Llama 3.3 70B Instruct (free)',
    'Venice',
    131_072,
    16_384,
    0,
    0,
    'Llama3',
    'text',
  ],
  [
    'mistralai/mistral-small-3.2-24b-instruct',
    '20250620',
    'Mistral: Mistral Small 3.2 24B',
    'Mistral',
    131_072,
    16_384,
    0.075,
    0.2,
    'Mistral',
    'text,image',
  ],
  [
    'mistralai/mistral-medium-3.1',
    '20250813',
    'Mistral: Mistral Medium 3.1',
    'Mistral',
    131_072,
    32_768,
    0.4,
    2,
    'Mistral',
    'text,image',
  ],
  [
    'deepseek/deepseek-v3.2',
    '20251201',
    'DeepSeek: DeepSeek V3.2',
    'DeepSeek',
    163_840,
    65_536,
    0.26,
    0.38,
    'DeepSeek',
    'text',
  ],
  [
    'deepseek/deepseek-r1-0528:free',
    '20250528',
    'DeepSeek: R1 0528 (free)',
    'Chutes',
    163_840,
    32_768,
    0,
    0,
    'DeepSeek',
    'text',
  ],
  [
    'qwen/qwen3-coder',
    '20250722',
    'Qwen: Qwen3 Coder 480B A35B',
    'Alibaba',
    262_144,
    65_536,
    0.22,
    1,
    'Qwen3',
    'text',
  ],
]

export const catalog: readonly CatalogModel[] = rows.map(
  ([id, date, name, provider, context, maxOutput, prompt, completion, tokenizer, inputs]) => {
    const [base = id, variant] = id.split(':')
    return {
      id,
      canonicalSlug: `${base}-${date}${variant === undefined ? '' : `:${variant}`}`,
      name,
      providerName: provider,
      providerSlug: provider.toLowerCase(),
      contextLength: context,
      maxCompletionTokens: maxOutput,
      promptNanoPerToken: Math.round(prompt * 1000),
      completionNanoPerToken: Math.round(completion * 1000),
      tokenizer,
      inputs: inputs.split(','),
      isFree: variant === 'free',
    }
  },
)

const byName = new Map<string, CatalogModel>(
  catalog.flatMap((model) => [
    [model.id, model],
    [model.canonicalSlug, model],
  ]),
)

/** By id or canonical slug. */
export function findModel(slug: string): CatalogModel | undefined {
  return byName.get(slug)
}

export function modelToWire(model: CatalogModel): JsonObject {
  const date = /-(\d{4})(\d{2})(\d{2})(?::|$)/.exec(model.canonicalSlug)
  return {
    id: model.id,
    canonical_slug: model.canonicalSlug,
    hugging_face_id: null,
    name: model.name,
    created: date ? Date.UTC(Number(date[1]), Number(date[2]) - 1, Number(date[3])) / 1000 : 0,
    description: `${model.name}, played by a stand-in.`,
    context_length: model.contextLength,
    architecture: {
      modality: `${model.inputs.slice(0, 2).join('+')}->text`,
      input_modalities: model.inputs,
      output_modalities: ['text'],
      tokenizer: model.tokenizer,
      instruct_type: null,
    },
    pricing: {
      prompt: decimalUsd(model.promptNanoPerToken),
      completion: decimalUsd(model.completionNanoPerToken),
      request: '0',
      image: '0',
    },
    top_provider: {
      context_length: model.contextLength,
      max_completion_tokens: model.maxCompletionTokens,
      is_moderated: model.providerName === 'OpenAI',
    },
    per_request_limits: null,
    supported_parameters: [
      'max_tokens',
      'temperature',
      'top_p',
      'stop',
      'tools',
      'tool_choice',
      'seed',
      'response_format',
    ],
    supported_voices: null,
    default_parameters: null,
    expiration_date: null,
    knowledge_cutoff: null,
    links: { details: `/api/v1/models/${model.canonicalSlug}/endpoints` },
  }
}

/** About four characters to a token; every message costs four more, as chat templates do. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4)
}

function decimalUsd(nano: number): string {
  if (nano === 0) return '0'
  return `0.${String(nano).padStart(9, '0')}`.replace(/0+$/, '')
}
