/**
 * Models and /chat/completions: a request costs its list price, is charged to its key, and is
 * refused once the key's spend has reached its budget.
 */
import { randomUUID } from 'node:crypto'
import { nanoToUsd } from '../shared/money.ts'
import { ifPresent, isObject, readNumber, readString } from '../shared/reading.ts'
import { json, type Reply } from '../shared/reply.ts'
import { listOf, ProxyError, type Call, type World } from './world.ts'

/** Nano-USD a token, prompt and completion. */
const prices: Record<string, { prompt: number; completion: number }> = {
  'gpt-5-nano': { prompt: 50, completion: 400 },
  'claude-sonnet-4.6': { prompt: 3_000, completion: 15_000 },
  'mistral-small': { prompt: 100, completion: 300 },
}

export function listModels({ caller }: Call): Reply {
  const allowed =
    caller?.kind === 'key' && caller.key.models.length > 0 ? caller.key.models : Object.keys(prices)
  return json({
    data: allowed.map((id) => ({
      id,
      object: 'model',
      created: 1_677_610_602,
      owned_by: 'openai',
    })),
    object: 'list',
  })
}

export async function completeChat({ world, body, caller }: Call): Promise<Reply> {
  const model = readString(body, 'model')
  const price = prices[model]
  if (!price)
    throw new ProxyError(
      400,
      `{'error': '/chat/completions: Invalid model name passed in model=${model}. ` +
        `Call \`/v1/models\` to view available models for your key.'}`,
      'None',
      'None',
    )
  if (body['stream'] === true)
    throw new ProxyError(400, 'This stand-in does not play streams.', 'None', 'None')
  if (caller?.kind === 'key') {
    const { key } = caller
    if (key.models.length > 0 && !key.models.includes(model)) {
      throw new ProxyError(
        401,
        'key not allowed to access model. This key can only access ' +
          `models=${listOf(key.models)}. Tried to access ${model}`,
        'key_model_access_denied',
        'model',
      )
    }
    if (key.maxBudgetNano !== null && key.spendNano >= key.maxBudgetNano) {
      throw new ProxyError(
        429,
        `Budget has been exceeded! Current cost: ${nanoToUsd(key.spendNano)}, ` +
          `Max budget: ${nanoToUsd(key.maxBudgetNano)}`,
        'budget_exceeded',
        null,
      )
    }
  }
  const prompt = tokensOf(body['messages'])
  const completion = Math.min(60, ifPresent(body, 'max_tokens', readNumber) ?? 60)
  const nano = prompt * price.prompt + completion * price.completion
  if (caller?.kind === 'key') await charge(world, caller.key.token, nano)
  return {
    kind: 'json',
    status: 200,
    body: {
      id: `chatcmpl-${randomUUID()}`,
      object: 'chat.completion',
      created: Math.floor(world.now() / 1_000),
      model,
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'Hello from the stand-in.' },
        },
      ],
      usage: {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
      },
    },
    headers: { 'x-litellm-response-cost': String(nanoToUsd(nano)) },
  }
}

export function charge(world: World, token: string, nano: number): Promise<void> {
  return world.store.record({ type: 'spent', token, nano })
}

/** Four characters are a token, a message costs four more. */
function tokensOf(messages: unknown): number {
  if (!Array.isArray(messages)) return 4
  return (messages as unknown[]).reduce<number>(
    (sum, message) =>
      sum + 4 + Math.ceil(String(isObject(message) ? message['content'] : '').length / 4),
    0,
  )
}
