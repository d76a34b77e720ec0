/** What is stored under a prefix now, unfinished uploads included: those are billed too. */
import type { S3Client } from '@aws-sdk/client-s3'
import { ProviderError, isProviderError } from './provider-error'

type Storage = {
  s3: S3Client
  one: <Answer>(call: string, work: Promise<Answer>) => Promise<Answer>
}

/** A million objects; beyond them a folder cannot be counted in the time of a reading. */
const maxPages = 1_000
const maxUploads = 1_000

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
    if (pages >= maxPages)
      throw new ProviderError({
        call: 'ListObjectsV2',
        kind: 'rejected',
        reason: 'list-too-large',
      })
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
  const { ListMultipartUploadsCommand, ListPartsCommand } = await import('@aws-sdk/client-s3')
  const command = new ListMultipartUploadsCommand({ Bucket, Prefix, MaxUploads: maxUploads })
  const { Uploads = [] } = await one('ListMultipartUploads', s3.send(command)).catch(
    (error: unknown) => {
      // A server without them has no unfinished uploads.
      if (isProviderError(error) && error.details.status === 501) return { Uploads: [] }
      throw error
    },
  )
  let bytes = 0n
  for (const { Key, UploadId } of Uploads) {
    const parts = new ListPartsCommand({ Bucket, Key, UploadId })
    const { Parts = [] } = await one('ListParts', s3.send(parts)).catch((error: unknown) => {
      // It was finished meanwhile.
      if (isProviderError(error) && error.details.status === 404) return { Parts: [] }
      throw error
    })
    for (const { Size } of Parts) bytes += BigInt(Size ?? 0)
  }
  return bytes
}
