/**
 * `/chat/completions` in OpenAI's form and `/messages` in Anthropic's, plain and streamed. Both
 * really spend.
 */
import type { ServerResponse } from 'node:http'
import { admit, makeGenerationId, settle, type Admission, type Settlement } from './admission.ts'
import { countTokens } from './models.ts'
import { nanoToUsd } from './money.ts'
import {
  ifPresent,
  isObject,
  optional,
  readBoolean,
  readNumber,
  readString,
  refuse,
  type JsonObject,
} from './wire.ts'
import { json, requireInferenceKey, type Call, type Reply, type World } from './world.ts'

const tokensWhenNotAsked = 60
const chunksAtMost = 24

interface Answer {
  id: string
  pieces: string[]
  text: string
  completionTokens: number
  isCut: boolean
  created: number
}

export async function completeChat(call: Call): Promise<Reply> {
  const { world, body } = call
  const key = requireInferenceKey(call)
  const modelSlug = readString(body, 'model', { min: 1 })
  const texts = readMessages(body)
  const maxTokens =
    optional(body, 'max_completion_tokens', readCount) ??
    optional(body, 'max_tokens', readCount) ??
    null
  const isStreamed = optional(body, 'stream', readBoolean) ?? false
  const admission = admit(world, { key, modelSlug, promptTokens: countPrompt(texts), maxTokens })
  const answer = makeAnswer(world, admission, texts.at(-1) ?? '')
  if (isStreamed)
    return { kind: 'stream', run: (response) => streamChat(call, admission, answer, response) }
  await world.pause(world.faults.settings.inferenceMs)
  const finishReason = answer.isCut ? 'length' : 'stop'
  const settlement = await settle(world, admission, {
    id: answer.id,
    completionTokens: answer.completionTokens,
    streamed: false,
    finishReason,
  })
  return json({
    id: answer.id,
    object: 'chat.completion',
    created: answer.created,
    model: admission.model.id,
    provider: admission.model.providerName,
    system_fingerprint: null,
    choices: [
      {
        index: 0,
        finish_reason: finishReason,
        native_finish_reason: finishReason,
        logprobs: null,
        message: { role: 'assistant', content: answer.text, refusal: null, reasoning: null },
      },
    ],
    usage: usageToWire(admission, settlement, answer.completionTokens),
  })
}

/** Anthropic's Messages API, as Claude Code calls it. */
export async function createMessage(call: Call): Promise<Reply> {
  const { world, body } = call
  const key = requireInferenceKey(call)
  const modelSlug = readString(body, 'model', { min: 1 })
  const texts = [
    ...(body['system'] === undefined ? [] : [textOf(body['system'])]),
    ...readMessages(body),
  ]
  const maxTokens = readCount(body, 'max_tokens')
  const isStreamed = ifPresent(body, 'stream', readBoolean) ?? false
  const admission = admit(world, { key, modelSlug, promptTokens: countPrompt(texts), maxTokens })
  const answer = makeAnswer(world, admission, texts.at(-1) ?? '')
  if (isStreamed)
    return { kind: 'stream', run: (response) => streamMessage(call, admission, answer, response) }
  await world.pause(world.faults.settings.inferenceMs)
  await settle(world, admission, {
    id: answer.id,
    completionTokens: answer.completionTokens,
    streamed: false,
    finishReason: 'stop',
  })
  return json({
    ...messageHead(admission, answer),
    content: [{ type: 'text', text: answer.text, citations: null }],
    stop_reason: answer.isCut ? 'max_tokens' : 'end_turn',
    usage: { ...messageUsage(admission), output_tokens: answer.completionTokens },
  })
}

/** What a prompt would count as; costs nothing. */
export function countMessageTokens(call: Call): Reply {
  requireInferenceKey(call)
  return json({ input_tokens: countPrompt(readMessages(call.body)) })
}

async function streamChat(
  call: Call,
  admission: Admission,
  answer: Answer,
  response: ServerResponse,
): Promise<void> {
  const send = (data: JsonObject): boolean =>
    response.write(
      `data: ${JSON.stringify({
        id: answer.id,
        object: 'chat.completion.chunk',
        created: answer.created,
        model: admission.model.id,
        provider: admission.model.providerName,
        ...data,
      })}\n\n`,
    )
  openEvents(response)
  response.write(': OPENROUTER PROCESSING\n\n')
  const sent = await sendPieces(call, answer, response, (piece, index) =>
    send({
      choices: [
        {
          index: 0,
          delta: index === 0 ? { role: 'assistant', content: piece } : { content: piece },
          finish_reason: null,
        },
      ],
    }),
  )
  const finishReason = sent.isBroken ? 'error' : answer.isCut ? 'length' : 'stop'
  const settlement = await settle(call.world, admission, {
    id: answer.id,
    completionTokens: sent.tokens,
    streamed: true,
    finishReason,
  })
  if (sent.isBroken) {
    send({
      error: {
        code: 502,
        message: call.fault?.message ?? 'Provider disconnected unexpectedly',
        metadata: { error_type: 'provider_unavailable' },
      },
      choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
    })
  } else {
    send({
      choices: [
        {
          index: 0,
          delta: { content: '' },
          finish_reason: finishReason,
          native_finish_reason: finishReason,
        },
      ],
    })
    send({ choices: [], usage: usageToWire(admission, settlement, sent.tokens) })
  }
  response.end('data: [DONE]\n\n')
}

async function streamMessage(
  call: Call,
  admission: Admission,
  answer: Answer,
  response: ServerResponse,
): Promise<void> {
  const send = (type: string, data: JsonObject): boolean =>
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
  openEvents(response)
  send('message_start', {
    message: {
      ...messageHead(admission, answer),
      content: [],
      stop_reason: null,
      usage: { ...messageUsage(admission), output_tokens: 1 },
    },
  })
  send('content_block_start', {
    index: 0,
    content_block: { type: 'text', text: '', citations: null },
  })
  const sent = await sendPieces(call, answer, response, (piece) =>
    send('content_block_delta', { index: 0, delta: { type: 'text_delta', text: piece } }),
  )
  await settle(call.world, admission, {
    id: answer.id,
    completionTokens: sent.tokens,
    streamed: true,
    finishReason: sent.isBroken ? 'error' : 'stop',
  })
  if (sent.isBroken)
    send('error', {
      error: {
        type: 'api_error',
        message: call.fault?.message ?? 'Provider disconnected unexpectedly',
      },
    })
  else {
    send('content_block_stop', { index: 0 })
    send('message_delta', {
      delta: { stop_reason: answer.isCut ? 'max_tokens' : 'end_turn', stop_sequence: null },
      usage: { ...messageUsage(admission), output_tokens: sent.tokens },
    })
    send('message_stop', {})
  }
  response.end()
}

/** Sends the answer piece by piece; a caller that hangs up pays for what was made until then. */
async function sendPieces(
  call: Call,
  answer: Answer,
  response: ServerResponse,
  send: (piece: string, index: number) => void,
): Promise<{ tokens: number; isBroken: boolean }> {
  const { world } = call
  const breaksAt =
    call.fault?.fault === 'mid-stream-error' ? Math.ceil(answer.pieces.length / 2) : Infinity
  await world.pause(world.faults.settings.inferenceMs)
  let characters = 0
  for (const [index, piece] of answer.pieces.entries()) {
    if (index >= breaksAt || response.destroyed)
      return {
        tokens: Math.min(countTokens('x'.repeat(characters)), answer.completionTokens),
        isBroken: true,
      }
    send(piece, index)
    characters += piece.length
    await world.pause(world.faults.settings.chunkMs)
  }
  return { tokens: answer.completionTokens, isBroken: false }
}

function openEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
}

/**
 * Filler of a definite length: what the prompt asks for ("200 tokens", "50 words"), or a short
 * answer; never beyond `maxTokens`.
 */
function makeAnswer(world: World, admission: Admission, prompt: string): Answer {
  const asked = /(\d{1,6}) (tokens|words)/i.exec(prompt)
  const wanted = asked
    ? Math.max(1, Math.round(Number(asked[1]) * (asked[2]?.toLowerCase() === 'words' ? 1.3 : 1)))
    : tokensWhenNotAsked
  const completionTokens = Math.min(wanted, admission.maxTokens)
  const sentence = `This is ${admission.model.name}, played by a stand-in. It has read your message and answers at the list price. `
  const text = sentence
    .repeat(Math.ceil((completionTokens * 4) / sentence.length))
    .slice(0, completionTokens * 4)
  const size = Math.max(4, Math.ceil(text.length / chunksAtMost))
  const pieces: string[] = []
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size))
  return {
    id: makeGenerationId(world.now()),
    pieces,
    text,
    completionTokens,
    isCut: wanted > admission.maxTokens,
    created: Math.floor(world.now() / 1000),
  }
}

function readMessages(body: JsonObject): string[] {
  const messages = body['messages']
  if (!Array.isArray(messages) || messages.length === 0)
    throw refuse(400, 'messages: expected a non-empty array')
  return messages.map((message: unknown) => {
    if (!isObject(message) || typeof message['role'] !== 'string')
      throw refuse(400, 'messages: expected objects with a role')
    return textOf(message['content'])
  })
}

function textOf(content: unknown): string {
  if (content === undefined || content === null) return ''
  if (typeof content === 'string') return content
  if (!Array.isArray(content))
    throw refuse(400, 'messages: content must be a string or an array of parts')
  return content
    .map((part: unknown) =>
      isObject(part) && typeof part['text'] === 'string' ? part['text'] : JSON.stringify(part),
    )
    .join('\n')
}

function readCount(body: JsonObject, field: string): number {
  const value = readNumber(body, field, { min: 1 })
  if (!Number.isInteger(value)) throw refuse(400, `${field}: expected an integer`)
  return value
}

function countPrompt(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + countTokens(text) + 4, 0)
}

function usageToWire(
  admission: Admission,
  settlement: Settlement,
  completionTokens: number,
): JsonObject {
  return {
    prompt_tokens: admission.promptTokens,
    completion_tokens: completionTokens,
    total_tokens: admission.promptTokens + completionTokens,
    cost: nanoToUsd(settlement.costNano),
    is_byok: false,
    cost_details: {
      upstream_inference_cost: null,
      upstream_inference_prompt_cost: nanoToUsd(settlement.promptCostNano),
      upstream_inference_completions_cost: nanoToUsd(settlement.completionCostNano),
    },
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
}

function messageHead(admission: Admission, answer: Answer): JsonObject {
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: admission.model.id,
    container: null,
    stop_sequence: null,
  }
}

function messageUsage(admission: Admission): JsonObject {
  return {
    input_tokens: admission.promptTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: null,
    inference_geo: null,
    server_tool_use: null,
    service_tier: 'standard',
  }
}
