/** `/chat/completions` in OpenAI's form, plain and streamed. It really spends. */
import type { ServerResponse } from 'node:http'
import { nanoToUsd } from '../shared/money.ts'
import { optional, readBoolean, readString } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { json, type Reply } from '../shared/reply.ts'
import { admit, settle, type Admission, type Settlement } from './admission.ts'
import {
  type Answer,
  sendPieces,
  openEvents,
  makeAnswer,
  readMessages,
  readCount,
  countPrompt,
} from './inference.ts'
import { requireInferenceKey, type Call } from './world.ts'

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
    is_byok: admission.isByok,
    cost_details: {
      upstream_inference_cost:
        settlement.upstreamNano === null ? null : nanoToUsd(settlement.upstreamNano),
      upstream_inference_prompt_cost: nanoToUsd(settlement.promptCostNano),
      upstream_inference_completions_cost: nanoToUsd(settlement.completionCostNano),
    },
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
}
