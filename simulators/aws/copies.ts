/** CopyObject and UploadPartCopy: what one key may read, where it may write. */
import { bare, etagOf, existing, md5Of, metaOf, put, typeOf } from './objects.ts'
import type { S3Call } from './s3.ts'
import type { StoredObject } from './store.ts'
import { AwsError, xml, type XmlReply } from './xml.ts'

export const isCopy = ({ headers }: S3Call) => headers['x-amz-copy-source'] !== undefined

/** The object under `x-amz-copy-source`, with its bytes, under the conditions of the header. */
function sourceOf(call: S3Call): { object: StoredObject; body: Buffer } {
  const { store, headers, may } = call
  const [, bucket, encoded] = /^\/?([^/]+)\/(.+)$/.exec(textOf(headers['x-amz-copy-source'])) ?? []
  const key = decode(encoded ?? '')
  if (bucket === undefined || key === '' || /\?versionId=/.test(encoded ?? ''))
    throw new AwsError(400, 'InvalidArgument', 'Copy Source must mention the source bucket and key')
  if (bucket !== store.bucket)
    throw new AwsError(404, 'NoSuchBucket', 'The specified bucket does not exist')
  if (!may('s3:GetObject', key)) throw new AwsError(403, 'AccessDenied', 'Access Denied')
  const object = existing(call, key)
  const match = headers['x-amz-copy-source-if-match']
  const none = headers['x-amz-copy-source-if-none-match']
  if (
    (match !== undefined && bare(textOf(match)) !== etagOf(object)) ||
    (none !== undefined && bare(textOf(none)) === etagOf(object))
  )
    throw new AwsError(412, 'PreconditionFailed', 'At least one of the preconditions did not hold')
  if (object.content === null)
    throw new AwsError(403, 'InvalidObjectState', 'The object has a size only.')
  return { object, body: Buffer.from(object.content, 'base64') }
}

export async function copy(call: S3Call, key: string): Promise<XmlReply> {
  const { headers, now } = call
  const { object, body } = sourceOf(call)
  const directive = textOf(headers['x-amz-metadata-directive']) || 'COPY'
  if (directive !== 'COPY' && directive !== 'REPLACE')
    throw new AwsError(400, 'InvalidArgument', 'Unknown metadata directive.')
  if (object.key === key && directive === 'COPY')
    throw new AwsError(
      400,
      'InvalidRequest',
      'This copy request is illegal because it is trying to copy an object to itself.',
    )
  const { type, meta } = object
  const own =
    directive === 'COPY' ? { type, meta } : { type: typeOf(headers), meta: metaOf(headers) }
  await put(call, key, body, own)
  return xml('CopyObjectResult', {
    LastModified: new Date(now).toISOString(),
    ETag: `"${md5Of(body)}"`,
  })
}

/** The bytes of a part that is copied: all, or `bytes=0-9` of them. */
export function copiedPart(call: S3Call): Buffer {
  const { body } = sourceOf(call)
  const range = call.headers['x-amz-copy-source-range']
  if (range === undefined) return body
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(textOf(range)) ?? []
  if (from === undefined || Number(to) >= body.length || Number(from) > Number(to))
    throw new AwsError(400, 'InvalidArgument', 'The x-amz-copy-source-range value is not valid.')
  return body.subarray(Number(from), Number(to) + 1)
}

const textOf = (value: string | string[] | undefined) => String(value ?? '')

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AwsError(400, 'InvalidArgument', 'The copy source is not well encoded.')
  }
}
