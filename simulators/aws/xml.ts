/** XML as AWS writes it: texts and lists, in the order of the keys. */
export type Xml = string | number | boolean | Xml[] | { [name: string]: Xml | undefined }

export const element = (name: string, value: Xml): string =>
  Array.isArray(value)
    ? value.map((one) => element(name, one)).join('')
    : `<${name}>${inside(value)}</${name}>`

function inside(value: Exclude<Xml, Xml[]>): string {
  if (typeof value !== 'object') return escaped(String(value))
  return Object.entries(value as Record<string, Xml | undefined>)
    .map(([name, one]) => (one === undefined ? '' : element(name, one)))
    .join('')
}

const escaped = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;')

/** A refusal with AWS's own code. */
export class AwsError extends Error {
  readonly status: number
  readonly code: string
  /** What else stands in an error of S3. */
  readonly more: { [name: string]: Xml }
  readonly headers: Record<string, string>
  constructor(
    status: number,
    code: string,
    message: string,
    {
      more = {},
      headers = {},
    }: { more?: { [name: string]: Xml }; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.more = more
    this.headers = headers
  }
}

export type XmlReply = {
  status: number
  body: string | Buffer
  type?: string
  headers?: Record<string, string>
}

/** A document of S3. */
export const xml = (name: string, value: Xml): XmlReply => ({
  status: 200,
  body: `<?xml version="1.0" encoding="UTF-8"?>${element(name, value)}`,
  type: 'application/xml',
})
