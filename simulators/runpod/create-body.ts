/** The body of a new pod: what does not match the contract is 422, with every failure named. */
import { isObject } from '../shared/reading.ts'
import { Refusal, type JsonObject } from '../shared/refusal.ts'

type Check = (value: unknown) => string | null

const isText = (value: unknown) => typeof value === 'string'
const must =
  (test: (value: unknown) => boolean, expected: string): Check =>
  (value) =>
    test(value) ? null : `expected ${expected}`
const text = must((value) => isText(value) && value !== '', 'a text')
const flag = must((value) => typeof value === 'boolean', 'a boolean')
const count = must((value) => Number.isInteger(value) && Number(value) >= 1, 'an integer from 1')
const texts = must((value) => Array.isArray(value) && value.every(isText), 'an array of texts')

const fields: Record<string, Check> = {
  name: text,
  image: text,
  templateId: text,
  args: must(isText, 'a text'),
  disk: count,
  env: must((value) => isObject(value) && Object.values(value).every(isText), 'texts by name'),
  ports: texts,
  registry: must((value) => value === null || isText(value), 'a text or null'),
  dataCenterIds: texts,
  globalNetworking: flag,
  startJupyter: flag,
  startSsh: flag,
  cloud: must((value) => value === 'SECURE' || value === 'COMMUNITY', 'SECURE or COMMUNITY'),
  gpu: must(
    (value) => isObject(value) && isText(value['id']) && isCountOrNone(value['count']),
    'an id and a count',
  ),
  cpu: must((value) => isObject(value) && isText(value['id']), 'an id and vcpuCount'),
  mounts: must(isObject, 'an object'),
}

function isCountOrNone(value: unknown): boolean {
  return value === undefined || (Number.isInteger(value) && Number(value) >= 1)
}

/** Throws for a body that is not one of a new pod; rules across its fields come later, as 400. */
export function checkCreateBody(body: JsonObject): void {
  const failures = Object.entries(body).flatMap(([name, value]) => {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!check) return [`$: additional properties '${name}' not allowed`]
    const failure = check(value)
    return failure === null ? [] : [`$.${name}: ${failure}`]
  })
  if (body['name'] === undefined) failures.push("$: missing property 'name'")
  if (failures.length > 0) throw unprocessable(failures)
}

export const unprocessable = (errors: string[]) =>
  new Refusal(422, 'Request validation failed.', { metadata: { errors } })
