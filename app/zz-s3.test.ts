import { test } from 'vitest'
import { ListPartsCommand } from '@aws-sdk/client-s3'
import { createClients, one } from './adapters/s3-clients.server'
import { bytesUnder } from './adapters/s3-storage.server'
test('dots', async () => {
  const seen: string[] = []
  const answers = (xml: string, status = 200) => ({ status, headers: new Headers({ 'content-type': 'application/xml' }), text: xml })
  const outbound = { refusalOf: () => null, send: async ({ url }: { url: URL }) => {
    seen.push(url.pathname + url.search)
    if (url.searchParams.has('list-type')) return answers('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
    if (url.searchParams.has('uploads')) return answers('<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>z</NextKeyMarker><Upload><Key>team/KEY/../x</Key><UploadId>u</UploadId></Upload></ListMultipartUploadsResult>')
    return answers('<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1000</NextPartNumberMarker><Part><PartNumber>1</PartNumber><Size>5</Size></Part></ListPartsResult>')
  } }
  for (const baseUrl of [null, 'https://s3.example.org']) {
  const { s3 } = createClients(outbound as never, { secret: 'x', baseUrl, settings: { accessKeyId: 'AKIAX' } } as never)
  const signed: string[] = []
  s3.middlewareStack.add((next: any) => async (a: any) => { signed.push(a.request.path); return next(a) }, { step: 'finalizeRequest', priority: 'low' })
  console.log('BYTES', await bytesUnder({ s3, one }, 'b', 'team/KEY/'), 'SIGNED', signed, 'SENT', seen)
  }
})
