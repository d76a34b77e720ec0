/**
 * What a key downloaded and how often it asked, by the request metrics of AWS: one configuration of
 * the bucket for each key, of its folder, and CloudWatch's sums since the key was made. A best effort
 * of AWS: points come late, and one may be missing.
 */
import { nanoFromDecimalString } from '~/money'
import { isNotFound, isProviderError, ProviderError } from './provider-error'
import type { createClients } from './s3-clients.server'
import type { Traffic, TrafficPrices } from './s3-meter'

type Opened = {
  clients: ReturnType<typeof createClients>
  one: <Answer>(call: string, work: Promise<Answer>) => Promise<Answer>
  settings: Readonly<Record<string, string>>
}

const dayMs = 86_400_000
const maxPages = 20

/** By the counter that they are added to. */
const metricsOf = {
  bytes: ['BytesDownloaded'],
  writes: ['PutRequests', 'PostRequests', 'ListRequests'],
  reads: ['GetRequests', 'HeadRequests'],
} as const
const queries = Object.entries(metricsOf).flatMap(([counter, names]) =>
  names.map((name) => ({ counter: counter as keyof Traffic, name, id: name.toLowerCase() })),
)

export const countsTraffic = (settings: Readonly<Record<string, string>>) =>
  settings.traffic === 'yes'

export const trafficPrices = (settings: Readonly<Record<string, string>>): TrafficPrices => ({
  download: nanoFromDecimalString(settings.priceDownload ?? '0.09'),
  writes: nanoFromDecimalString(settings.priceWrites ?? '0.005'),
  reads: nanoFromDecimalString(settings.priceReads ?? '0.0004'),
})

/** Whether the credential may do what counting needs; nothing changes. */
export async function verifyTraffic(opened: Opened, Bucket: string, now: Date): Promise<void> {
  const { clients, one } = opened
  const { ListBucketMetricsConfigurationsCommand } = await import('@aws-sdk/client-s3')
  const list = new ListBucketMetricsConfigurationsCommand({ Bucket })
  await one('ListBucketMetricsConfigurations', clients.s3.send(list))
  await readTraffic(opened, { Bucket, id: 'keymint', since: new Date(now.getTime() - dayMs), now })
}

/** `prefix` ends in a slash. Asked for twice, it is the same configuration. */
export async function startCounting(
  { clients, one }: Opened,
  { Bucket, Id, Prefix }: { Bucket: string; Id: string; Prefix: string },
): Promise<void> {
  const { PutBucketMetricsConfigurationCommand } = await import('@aws-sdk/client-s3')
  const command = new PutBucketMetricsConfigurationCommand({
    Bucket,
    Id,
    MetricsConfiguration: { Id, Filter: { Prefix } },
  })
  await one('PutBucketMetricsConfiguration', clients.s3.send(command))
}

/** Each configuration is paid for, so it goes with its key, also where counting was ended meanwhile. */
export async function stopCounting(
  { clients, one, settings }: Opened,
  Bucket: string,
  Id: string,
): Promise<void> {
  const { DeleteBucketMetricsConfigurationCommand } = await import('@aws-sdk/client-s3')
  const command = new DeleteBucketMetricsConfigurationCommand({ Bucket, Id })
  await one('DeleteBucketMetricsConfiguration', clients.s3.send(command)).catch(
    (error: unknown) => {
      const isRefused =
        isProviderError(error) &&
        (error.details.reason === 'forbidden' || error.details.status === 501)
      if (!isNotFound(error) && (countsTraffic(settings) || !isRefused)) throw error
    },
  )
}

/** Sums since the day on which the key was made. */
export async function readTraffic(
  { clients, one }: Opened,
  { Bucket, id, since, now }: { Bucket: string; id: string; since: Date; now: Date },
): Promise<Traffic> {
  const { CloudWatchClient, GetMetricDataCommand } = await import('@aws-sdk/client-cloudwatch')
  const client = new CloudWatchClient(clients.metrics)
  const traffic: Traffic = { bytes: 0n, writes: 0n, reads: 0n }
  const Dimensions = [
    { Name: 'BucketName', Value: Bucket },
    { Name: 'FilterId', Value: id },
  ]
  let NextToken: string | undefined
  for (let pages = 0; pages < maxPages; pages++) {
    const command = new GetMetricDataCommand({
      StartTime: new Date(Math.floor(since.getTime() / dayMs) * dayMs),
      EndTime: now,
      MetricDataQueries: queries.map(({ id: Id, name }) => ({
        Id,
        MetricStat: {
          Metric: { Namespace: 'AWS/S3', MetricName: name, Dimensions },
          Period: dayMs / 1_000,
          Stat: 'Sum',
        },
      })),
      ...(NextToken ? { NextToken } : {}),
    })
    const answer = await one('GetMetricData', client.send(command))
    for (const { Id, Values } of answer.MetricDataResults ?? []) {
      const counter = queries.find(({ id: known }) => known === Id)?.counter
      if (counter) for (const value of Values ?? []) traffic[counter] += wholeOf(value)
    }
    NextToken = answer.NextToken
    if (!NextToken) return traffic
  }
  throw new ProviderError({ call: 'GetMetricData', kind: 'rejected', reason: 'list-too-large' })
}

const wholeOf = (value: number) =>
  Number.isFinite(value) && value > 0 ? BigInt(Math.round(value)) : 0n
