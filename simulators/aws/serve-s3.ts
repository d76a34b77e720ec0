/** One request of S3: whether who signed it may make it, its answer, and what it counts as. */
import type { IncomingMessage } from 'node:http'
import { answerConfiguration, count, countsOf } from './metrics.ts'
import { allows } from './policy.ts'
import { actionOf, answerS3, listBuckets, placeOf, type S3Call } from './s3.ts'
import type { Machine } from './server.ts'
import type { Signed } from './signature.ts'
import { policiesAt } from './store.ts'
import { AwsError, element, type XmlReply } from './xml.ts'

/** Answers, and counts the request for the configurations that it falls under. */
export async function serveS3(
  machine: Machine,
  signed: Signed,
  request: IncomingMessage,
  url: URL,
  body: Buffer,
): Promise<XmlReply> {
  const { store } = machine
  const { method = 'GET' } = request
  const key = placeOf(request).key ?? ''
  const counted = (status: number, out: number) => {
    const isList = method === 'GET' && key === ''
    const counts = countsOf(method, isList, status, { in: body.length, out })
    return count(
      store,
      machine.now(),
      isList ? (url.searchParams.get('prefix') ?? '') : key,
      counts,
    )
  }
  try {
    const reply = await answerAllowed(machine, signed, request, url, body)
    await counted(reply.status, Buffer.byteLength(reply.body))
    return reply
  } catch (error) {
    await counted(error instanceof AwsError ? error.status : 500, 0)
    throw error
  }
}

async function answerAllowed(
  machine: Machine,
  signed: Signed,
  request: IncomingMessage,
  url: URL,
  body: Buffer,
): Promise<XmlReply> {
  const { store, lagMs } = machine
  const { method = 'GET', headers } = request
  const { bucket, key } = placeOf(request)
  const query = url.searchParams
  const now = machine.now()
  const isRoot = signed.accessKeyId === store.root.id
  const owner = store.keyOwner(signed.accessKeyId)?.user
  const policies = owner ? policiesAt(owner, now - lagMs) : []
  const may: S3Call['may'] = (action, one, prefix = query.get('prefix') ?? undefined) => {
    const resource = `arn:aws:s3:::${store.bucket}${one === null ? '' : `/${one}`}`
    return (
      isRoot || policies.some((policy) => allows(policy, action, resource, prefix ?? null, now))
    )
  }
  if (bucket === '') return listBuckets(store, method, isRoot)
  if (bucket !== store.bucket)
    throw new AwsError(404, 'NoSuchBucket', 'The specified bucket does not exist', {
      more: { BucketName: bucket },
    })
  const call: S3Call = { store, now, method, key, query, headers, body, may }
  // Each key of a list of deletions is judged by itself.
  const isJudgedLater = key === null && query.has('delete')
  if (!isJudgedLater && !may(actionOf(call), key))
    throw new AwsError(403, 'AccessDenied', 'Access Denied')
  if (key !== null || !call.query.has('metrics')) return answerS3(call)
  const { status, name, xml } = await answerConfiguration(
    store,
    method,
    call.query,
    body.toString(),
  )
  return { status, body: name && xml ? element(name, xml) : '' }
}
