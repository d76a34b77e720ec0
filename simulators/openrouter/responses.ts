/** `/responses` in OpenAI's newer form, plain and streamed, as Codex calls it. It really spends. */
import type { ServerResponse } from 'node:http'
import { nanoToUsd } from '../shared/money.ts'
import { isObject, optional, readBoolean, readString } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { admit, settle, type Admission, type Settlement } from './admission.ts'
import {
  countPrompt,
  makeAnswer,
  openEvents,
  readCount,
  sendPieces,
  textOf,
  type Answer,
} from './inference.ts'
import { refuse } from './wire.ts'
import { requireInferenceKey, type Call } from './world.ts'

export async function createResponse(call: Call): Promise<Reply> {
  const { world, body } = call
  const key = requireInferenceKey(call)
  const modelSlug = readString(body, 'model', { min: 1 })
  const texts = readInput(body)
  const maxTokens = optional(body, 'max_output_tokens', readCount) ?? null
  const isStreamed = optional(body, 'stream', readBoolean) ?? false
  const admission = admit(world, { key, modelSlug, promptTokens: countPrompt(texts), maxTokens })
  const answer = makeAnswer(world, admission, texts.at(-1) ?? '')
  if (isStreamed)
    return { kind: 'stream', run: (response) => streamResponse(call, admission, answer, response) }
  await world.pause(world.faults.settings.inferenceMs)
  const settlement = await settle(world, admission, {
    id: answer.id,
    completionTokens: answer.completionTokens,
    streamed: false,
    finishReason: answer.isCut ? 'length' : 'stop',
  })
  return json(wholeResponse(call, admission, answer, settlement))
}

/** The instructions, then each item: a message, or a tool call and its output as they stand. */
function readInput(body: JsonObject): string[] {
  const { input, instructions } = body
  const before = typeof instructions === 'string' ? [instructions] : []
  if (typeof input === 'string' && input !== '') return [...before, input]
  if (!Array.isArray(input) || input.length === 0)
    throw refuse(400, 'input: expected a string or a non-empty array')
  const items = input.map((item: unknown) => {
    if (!isObject(item)) throw refuse(400, 'input: expected objects')
    return 'role' in item ? textOf(item['content']) : JSON.stringify(item)
  })
  return [...before, ...items]
}

async function streamResponse(
  call: Call,
  admission: Admission,
  answer: Answer,
  response: ServerResponse,
): Promise<void> {
  let sequence = 0
  const send = (type: string, data: JsonObject): boolean =>
    response.write(
      `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...data })}\n\n`,
    )
  const place = { item_id: messageId(answer), output_index: 0, content_index: 0 }
  openEvents(response)
  response.write(': OPENROUTER PROCESSING\n\n')
  const begun = emptyResponse(call, admission, answer, 'in_progress')
  send('response.created', { response: begun })
  send('response.in_progress', { response: begun })
  send('response.output_item.added', { output_index: 0, item: outputOf(answer, null) })
  send('response.content_part.added', { ...place, part: partOf('') })
  const sent = await sendPieces(call, answer, response, (piece) =>
    send('response.output_text.delta', { ...place, delta: piece, logprobs: [] }),
  )
  const settlement = await settle(call.world, admission, {
    id: answer.id,
    completionTokens: sent.tokens,
    streamed: true,
    finishReason: sent.isBroken ? 'error' : answer.isCut ? 'length' : 'stop',
  })
  if (sent.isBroken) {
    send('response.failed', {
      response: {
        ...emptyResponse(call, admission, answer, 'failed'),
        error: {
          code: 'server_error',
          message: call.fault?.message ?? 'Provider disconnected unexpectedly',
        },
      },
    })
  } else {
    send('response.output_text.done', { ...place, text: answer.text, logprobs: [] })
    send('response.content_part.done', { ...place, part: partOf(answer.text) })
    send('response.output_item.done', { output_index: 0, item: outputOf(answer, answer.text) })
    send(answer.isCut ? 'response.incomplete' : 'response.completed', {
      response: wholeResponse(call, admission, answer, settlement),
    })
  }
  response.end('data: [DONE]\n\n')
}

const messageId = (answer: Answer): string => answer.id.replace(/^gen/, 'msg')

const partOf = (text: string): JsonObject => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs: [],
})

/** The message; without a text it has only begun. */
function outputOf(answer: Answer, text: string | null): JsonObject {
  const status = text === null ? 'in_progress' : answer.isCut ? 'incomplete' : 'completed'
  return {
    id: messageId(answer),
    type: 'message',
    role: 'assistant',
    status,
    content: text === null ? [] : [partOf(text)],
  }
}

function wholeResponse(
  call: Call,
  admission: Admission,
  answer: Answer,
  settlement: Settlement,
): JsonObject {
  return {
    ...emptyResponse(call, admission, answer, answer.isCut ? 'incomplete' : 'completed'),
    completed_at: Math.floor(call.world.now() / 1000),
    incomplete_details: answer.isCut ? { reason: 'max_output_tokens' } : null,
    output: [outputOf(answer, answer.text)],
    output_text: answer.text,
    usage: {
      input_tokens: admission.promptTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: answer.completionTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: admission.promptTokens + answer.completionTokens,
      cost: nanoToUsd(settlement.costNano),
      is_byok: admission.isByok,
      cost_details: {
        upstream_inference_cost:
          settlement.upstreamNano === null ? null : nanoToUsd(settlement.upstreamNano),
        upstream_inference_input_cost: nanoToUsd(settlement.promptCostNano),
        upstream_inference_output_cost: nanoToUsd(settlement.completionCostNano),
      },
    },
  }
}

/** Every field that the official client requires; tools are taken and never called. */
function emptyResponse(
  call: Call,
  admission: Admission,
  answer: Answer,
  status: string,
): JsonObject {
  const { instructions } = call.body
  return {
    id: answer.id,
    object: 'response',
    created_at: answer.created,
    completed_at: null,
    status,
    model: admission.model.id,
    error: null,
    incomplete_details: null,
    instructions: typeof instructions === 'string' ? instructions : null,
    max_output_tokens: admission.maxTokens,
    metadata: {},
    output: [],
    parallel_tool_calls: true,
    previous_response_id: null,
    frequency_penalty: 0,
    presence_penalty: 0,
    temperature: 1,
    top_p: 1,
    tool_choice: 'auto',
    tools: [],
    store: false,
    truncation: 'disabled',
    usage: null,
  }
}
