/** What is stored under a prefix now, unfinished uploads included: those are billed too. */
import type { S3Client } from '@aws-sdk/client-s3'
import { ProviderError, isProviderError } from './provider-error'

type Storage = {
  s3: S3Client
  one: <Answer>(call: string, work: Promise<Answer>) => Promise<Answer>
}

/** A million objects; beyond them a folder cannot be counted in the time of a reading. */
const maxPages = 1_000
const maxUploadPages = 20
const maxPartPages = 11

export async function bytesUnder(
  { s3, one }: Storage,
  Bucket: string,
  Prefix: string,
  { onlyOne = false } = {},
): Promise<bigint> {
  const { ListObjectsV2Command } = await import('@aws-sdk/client-s3')
  let bytes = 0n
  let token: string | undefined
  for (let pages = 0; ; pages++) {
    if (pages >= maxPages) throw tooMany('ListObjectsV2')
    const command = new ListObjectsV2Command({
      Bucket,
      Prefix,
      ...(onlyOne ? { MaxKeys: 1 } : {}),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    })
    const answer = await one('ListObjectsV2', s3.send(command))
    for (const { Size } of answer.Contents ?? []) bytes += BigInt(Size ?? 0)
    token = answer.IsTruncated ? answer.NextContinuationToken : undefined
    if (onlyOne || token === undefined) break
  }
  return onlyOne ? bytes : bytes + (await unfinishedBytes({ s3, one }, Bucket, Prefix))
}

async function unfinishedBytes({ s3, one }: Storage, Bucket: string, Prefix: string) {
  const { ListMultipartUploadsCommand } = await import('@aws-sdk/client-s3')
  let bytes = 0n
  let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}
  for (let pages = 0; ; pages++) {
    if (pages >= maxUploadPages) throw tooMany('ListMultipartUploads')
    const command = new ListMultipartUploadsCommand({
      Bucket,
      Prefix,
      MaxUploads: 1_000,
      ...marker,
    })
    const answer = await one('ListMultipartUploads', s3.send(command)).catch((error: unknown) => {
      // A server without them has no unfinished uploads.
      if (isProviderError(error) && error.details.status === 501) return null
      throw error
    })
    for (const { Key, UploadId } of answer?.Uploads ?? [])
      bytes += await partBytes({ s3, one }, { Bucket, Key, UploadId })
    if (!answer?.IsTruncated || answer.NextKeyMarker === undefined) return bytes
    marker = {
      KeyMarker: answer.NextKeyMarker,
      ...(answer.NextUploadIdMarker ? { UploadIdMarker: answer.NextUploadIdMarker } : {}),
    }
  }
}

/**
 * A bucket that keeps old versions bills for what no list of objects shows. A server of one's own
 * may not know of versions, or not say so.
 */
export async function refuseVersions(
  { s3, one }: Storage,
  Bucket: string,
  { own }: { own: boolean },
): Promise<void> {
  const { GetBucketVersioningCommand } = await import('@aws-sdk/client-s3')
  const call = 'GetBucketVersioning'
  const answer = await one(call, s3.send(new GetBucketVersioningCommand({ Bucket }))).catch(
    (error: unknown) => {
      const { reason, status } = isProviderError(error) ? error.details : {}
      if (own && (status === 501 || reason === 'forbidden' || reason === 'refused')) return null
      throw error
    },
  )
  if (answer?.Status !== 'Enabled') return
  throw new ProviderError({
    call,
    kind: 'rejected',
    reason: 'refused',
    providerMessage:
      'This bucket keeps old versions, which are billed and not counted. Use one without versions.',
  })
}

/** An upload has 10,000 parts at most: ten pages. */
async function partBytes(
  { s3, one }: Storage,
  upload: { Bucket: string; Key: string | undefined; UploadId: string | undefined },
): Promise<bigint> {
  const { ListPartsCommand } = await import('@aws-sdk/client-s3')
  let bytes = 0n
  let PartNumberMarker: string | undefined
  for (let pages = 0; pages < maxPartPages; pages++) {
    const command = new ListPartsCommand({
      ...upload,
      ...(PartNumberMarker === undefined ? {} : { PartNumberMarker }),
    })
    const answer = await one('ListParts', s3.send(command)).catch((error: unknown) => {
      // It was finished meanwhile.
      if (isProviderError(error) && error.details.status === 404) return null
      throw error
    })
    for (const { Size } of answer?.Parts ?? []) bytes += BigInt(Size ?? 0)
    PartNumberMarker = answer?.IsTruncated ? answer.NextPartNumberMarker : undefined
    if (PartNumberMarker === undefined) break
  }
  return bytes
}

const tooMany = (call: string) =>
  new ProviderError({ call, kind: 'rejected', reason: 'list-too-large' })
