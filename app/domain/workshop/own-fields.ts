/** Fields of a workshop file with rules of their own: models, the organizer, the opt-in. */
import type { Organizer } from '../workshop-file'
import { asciiLowerCase } from '../ascii'
import { isEmail, type Fields } from './fields'
import { didYouMean, quoted } from './problem'
import type { TextNode } from './yaml-source'

const MODEL_ID = /^[a-z0-9][a-z0-9._-]*\/[a-z0-9][a-z0-9._-]*(:[a-z0-9-]+)?$/
const KNOWN_AUTHORS: Readonly<Record<string, string>> = {
  gpt: 'openai',
  claude: 'anthropic',
  gemini: 'google',
  mistral: 'mistralai',
  llama: 'meta-llama',
}
export const MODELS_EXAMPLE = '[anthropic/claude-sonnet-4.6, openai/gpt-5-nano]'

export function readOptIn(fields: Fields): string | null {
  const sentence = fields.line('marketing_opt_in', 200)
  if (sentence === null || !/^(true|false|yes|no|on|off)$/i.test(sentence)) return sentence
  fields.problem(
    'marketing_opt_in',
    'is the sentence beside the checkbox, not a switch',
    'write the sentence, or remove the line',
  )
  return null
}

/** The pace that `pause_on_runaway: true` means. */
const usualRunawayMinutes = 10

/** `true`, or in how many minutes the whole limit of a key would be gone: `5m`. */
export function readPauseOnRunaway(fields: Fields): number | null {
  const text = fields.line('pause_on_runaway', 10)
  if (text === null) return null
  if (text === 'true') return usualRunawayMinutes
  if (text === 'false') return null
  const minutes = /^[1-9]\d?m$/.test(text) ? Number(text.slice(0, -1)) : 0
  if (minutes >= 2 && minutes <= 60) return minutes
  fields.problem(
    'pause_on_runaway',
    `is neither true nor a time from 2 to 60 minutes: ${quoted(text)}`,
    'write `pause_on_runaway: true` for ten minutes, or a time such as 5m',
  )
  return null
}

export function readOrganizer(fields: Fields): Organizer | null {
  const detail = fields.child('organizer')
  if (detail !== null) {
    detail.refuseUnknown(['name', 'email', 'url'])
    const name = detail.line('name', 120)
    if (name === null && !detail.has('name'))
      detail.problem('name', 'is missing', 'add the name of the organizer')
    const reach = { email: detail.email('email'), url: detail.webAddress('url') }
    return name === null ? null : { name, ...reach }
  }
  const text = fields.line('organizer', 300)
  if (text === null) return null
  const match = /^([^<>]*)<([^<>]*)>$/.exec(text)
  const address = match?.[2]?.trim() ?? text
  const name = match?.[1]?.trim() || address
  if (isEmail(address)) return { name, email: address, url: null }
  if (address.startsWith('https://') && URL.canParse(address))
    return { name, email: null, url: new URL(address).href }
  if (match === null) return { name: text, email: null, url: null }
  fields.problem(
    'organizer',
    `has no email or https address between < and >: ${quoted(address)}`,
    'write `Name <workshops@example.org>`',
  )
  return null
}

export const ORGANIZERS_EXAMPLE = '[ada@example.org, octocat]'

/** A verified address, or the login of a GitHub account. */
export function readOrganizerEntry(fields: Fields, node: TextNode, name: string): string | null {
  const text = asciiLowerCase(node.text.trim())
  if (isEmail(text) || /^[a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?$/.test(text)) return text
  fields.itemProblem(
    name,
    `is neither an email address nor a GitHub login: ${quoted(node.text)}`,
    `write a list such as ${ORGANIZERS_EXAMPLE}`,
    node.at,
  )
  return null
}

/** An id such as `openai/gpt-5-nano`, as it goes into a request. */
export function readModelId(fields: Fields, node: TextNode, name: string): string | null {
  const { text } = node
  if (text.length <= 100 && MODEL_ID.test(text)) return text
  const lower = text.toLowerCase()
  if (text.length <= 100 && MODEL_ID.test(lower))
    fields.itemProblem(
      name,
      `has capital letters: ${quoted(text)}`,
      `did you mean ${lower}?`,
      node.at,
    )
  else if (!text.includes('/'))
    fields.itemProblem(
      name,
      `is not a model: ${quoted(text)} has no author and slash`,
      `write author/model, such as ${exampleModel(lower)}`,
      node.at,
    )
  else
    fields.itemProblem(
      name,
      `is not a model id: ${quoted(text)}`,
      "copy the id from the provider's list of models, such as openai/gpt-5-nano",
      node.at,
    )
  return null
}

function exampleModel(word: string): string {
  const family = Object.keys(KNOWN_AUTHORS).find((name) => word.startsWith(name))
  if (family !== undefined && /^[a-z0-9._-]{1,60}$/.test(word))
    return `${KNOWN_AUTHORS[family]}/${word}`
  return didYouMean(word, ['openai']) === null ? 'anthropic/claude-sonnet-4.6' : 'openai/gpt-5-nano'
}
