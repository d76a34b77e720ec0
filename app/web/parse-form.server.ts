/**
 * The one reader of forms. Guarantee: every field that an action sees has passed the schema of its
 * route; a field that was sent twice counts once, unless the schema asks for a list with `many`.
 */
import { z } from 'zod'
import { nanoFromDecimalString, type NanoUsd } from '~/money'
import { oneLine, visible } from '~/text'

export type ParsedForm<Value> =
  | { ok: true; value: Value }
  /** `problems` names each field that failed once; `given` is what was typed, to show it again. */
  | { ok: false; problems: Record<string, string>; given: Record<string, string> }

/**
 * Reads a form as browsers post it (`application/x-www-form-urlencoded`); any other body is an
 * empty form. The text is split in linear time, whatever it holds. Throws a 400 for zero bytes.
 */
export async function readFields(request: Request): Promise<URLSearchParams> {
  const type = request.headers.get('content-type') ?? ''
  const body = await request.text()
  const fields = new URLSearchParams(
    type.startsWith('application/x-www-form-urlencoded') ? body : '',
  )
  // The database takes no zero byte in a text, and no person types one.
  for (const [name, value] of fields)
    if (name.includes('\0') || value.includes('\0'))
      throw new Response('odd-bytes', { status: 400 })
  return fields
}

export async function parseForm<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  request: Request,
): Promise<ParsedForm<z.output<z.ZodObject<Shape>>>> {
  return parseFields(schema, await readFields(request))
}

export function parseFields<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  fields: URLSearchParams,
): ParsedForm<z.output<z.ZodObject<Shape>>> {
  const values = Object.fromEntries(
    Object.entries(schema.shape).map(([name, field]) => {
      const all = fields.getAll(name)
      return [name, lists.has(field as z.ZodType) ? all : (all[0] ?? '')]
    }),
  )
  const parsed = schema.safeParse(values)
  if (parsed.success) return { ok: true, value: parsed.data }
  const problems: Record<string, string> = {}
  for (const issue of parsed.error.issues) problems[String(issue.path[0])] ??= issue.message
  return { ok: false, problems, given: Object.fromEntries(fields) }
}

/**
 * The first field that failed, where the messages of the schema are codes of `known`. Throws when
 * the schema has another message.
 */
export function firstProblem<Code extends string>(
  form: { problems: Record<string, string> },
  known: Record<Code, unknown>,
): Code {
  const [code = ''] = Object.values(form.problems)
  if (!Object.hasOwn(known, code)) throw new Error(`the form has no problem called "${code}"`)
  return code as Code
}

const lists = new WeakSet<z.ZodType>()

/** A field that may be sent several times: the schema gets all of its values. */
export function many<Item extends z.ZodType>(item: Item): z.ZodArray<Item> {
  const list = z.array(item)
  lists.add(list)
  return list
}

/**
 * Text of a person: trimmed, required, at most `max` characters as people count them. `tooLong` is
 * for forms whose messages are codes.
 */
export const requiredText = (
  max: number,
  message: string,
  tooLong = `Use at most ${max} characters.`,
) =>
  z
    .string()
    .transform(visible)
    .refine((text) => text !== '', message)
    .refine((text) => [...text].length <= max, tooLong)

/** The same on one line, as names stand in lists, titles and mails. */
export const requiredLine = (max: number, message: string, tooLong = message) =>
  z
    .string()
    .transform((text) => oneLine(visible(text)))
    .refine((text) => text !== '', message)
    .refine((text) => [...text].length <= max, tooLong)

/** Text that may be left out: null then. */
export const optionalText = (max: number, tooLong = `Use at most ${max} characters.`) =>
  z
    .string()
    .transform(visible)
    .refine((text) => [...text].length <= max, tooLong)
    .transform((text) => (text === '' ? null : text))

/** An id of ours. */
export const uuid = z.uuid()

/** The id that a form was shown with, by which a second post is the same request. Undefined without one. */
export const formId = z
  .string()
  .transform((text) => (uuid.safeParse(text).success ? text.toLowerCase() : undefined))

/** An amount that a form was shown with and sends back: nano-USD, whatever its size. */
export const shownAmount = (message: string) =>
  z
    .string()
    .regex(/^-?\d{1,11}(\.\d{1,9})?$/, { error: message, abort: true })
    .transform((text): NanoUsd => nanoFromDecimalString(text))

const maxUsd = nanoFromDecimalString('1000000')

/**
 * An amount in dollars, "12", "12.5" or "12.50", at most a million: nano-USD. Zero only where
 * `orZero`.
 */
export const usdAmount = (message: string, options: { orZero?: boolean } = {}) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,7}(\.\d{1,2})?$/, { error: message, abort: true })
    .transform((text): NanoUsd => nanoFromDecimalString(text))
    .refine((amount) => amount <= maxUsd && (amount > 0n || options.orZero === true), message)

/** The same, or null where it is left empty. */
export const optionalUsd = (message: string, options: { orZero?: boolean } = {}) =>
  z
    .string()
    .trim()
    .transform((text) => text || null)
    .pipe(usdAmount(message, options).nullable())
