/** What both forms of inference share: reading messages, and an answer sent piece by piece. */
import type { ServerResponse } from 'node:http'
import { isObject, readNumber } from '../shared/reading.ts'
import type { JsonObject } from '../shared/refusal.ts'
import { makeGenerationId, type Admission } from './admission.ts'
import { countTokens } from './models.ts'
import { refuse } from './wire.ts'
import type { Call, World } from './world.ts'

const defaultTokens = 60

const maxChunks = 24

export interface Answer {
  id: string
  pieces: string[]
  text: string
  completionTokens: number
  isCut: boolean
  created: number
}

/** Sends the answer piece by piece; a caller that hangs up pays for the pieces until then. */
export async function sendPieces(
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

export function openEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
}

/**
 * Filler of a definite length: what the prompt asks for ("200 tokens", "50 words"), or a short
 * answer; never beyond `maxTokens`.
 */
export function makeAnswer(world: World, admission: Admission, prompt: string): Answer {
  const asked = /(\d{1,6}) (tokens|words)/i.exec(prompt)
  const wanted = asked
    ? Math.max(1, Math.round(Number(asked[1]) * (asked[2]?.toLowerCase() === 'words' ? 1.3 : 1)))
    : defaultTokens
  const completionTokens = Math.min(wanted, admission.maxTokens)
  const sentence =
    `This is ${admission.model.name}, played by a stand-in. ` +
    'It has read your message and answers at the list price. '
  const text = sentence
    .repeat(Math.ceil((completionTokens * 4) / sentence.length))
    .slice(0, completionTokens * 4)
  const size = Math.max(4, Math.ceil(text.length / maxChunks))
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

export function readMessages(body: JsonObject): string[] {
  const messages = body['messages']
  if (!Array.isArray(messages) || messages.length === 0)
    throw refuse(400, 'messages: expected a non-empty array')
  return messages.map((message: unknown) => {
    if (!isObject(message) || typeof message['role'] !== 'string')
      throw refuse(400, 'messages: expected objects with a role')
    return textOf(message['content'])
  })
}

export function textOf(content: unknown): string {
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

export function readCount(body: JsonObject, field: string): number {
  const value = readNumber(body, field, { min: 1 })
  if (!Number.isInteger(value)) throw refuse(400, `${field}: expected an integer`)
  return value
}

export function countPrompt(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + countTokens(text) + 4, 0)
}
