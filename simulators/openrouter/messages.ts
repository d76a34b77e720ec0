/** `/messages` in Anthropic's form, plain and streamed. It really spends. */
import type { ServerResponse } from 'node:http'
import { ifPresent, readBoolean, readString } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { admit, requireModel, settle, type Admission } from './admission.ts'
import {
  countPrompt,
  makeAnswer,
  openEvents,
  readCount,
  readMessages,
  sendPieces,
  textOf,
  type Answer,
} from './inference.ts'
import { requireInferenceKey, type Call } from './world.ts'

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
    finishReason: answer.isCut ? 'length' : 'stop',
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
  requireModel(readString(call.body, 'model', { min: 1 }))
  return json({ input_tokens: countPrompt(readMessages(call.body)) })
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
    finishReason: sent.isBroken ? 'error' : answer.isCut ? 'length' : 'stop',
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
