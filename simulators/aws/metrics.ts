/**
 * Request metrics: S3's configurations of a bucket, what they count, and CloudWatch's GetMetricData,
 * in JSON 1.0 as its client speaks it. A request counts for each configuration whose prefix its key
 * begins with, in the minute it came; CloudWatch knows of it after `metricsLagMs`.
 */
import { isObject } from '../shared/reading.ts'
import type { Store } from './store.ts'
import { AwsError, type Xml } from './xml.ts'

const maxConfigurations = 1_000
const maxQueries = 500
const maxDatapoints = 100_800
const minuteMs = 60_000

export const metricNames = [
  'BytesDownloaded',
  'BytesUploaded',
  'AllRequests',
  'GetRequests',
  'HeadRequests',
  'PutRequests',
  'PostRequests',
  'ListRequests',
  'DeleteRequests',
  '4xxErrors',
] as const
export type MetricName = (typeof metricNames)[number]

/** Sets, reads, lists or deletes a configuration, or null for any other method. */
export async function answerConfiguration(
  store: Store,
  method: string,
  query: URLSearchParams,
  body: string,
): Promise<{ status: number; name?: string; xml?: Xml }> {
  const id = query.get('id')
  if (method === 'GET' && id === null)
    return {
      status: 200,
      name: 'ListMetricsConfigurationsResult',
      xml: {
        IsTruncated: false,
        MetricsConfiguration: [...store.metrics].map(([Id, Prefix]) => ({
          Id,
          Filter: { Prefix },
        })),
      },
    }
  if (id === null || !/^[\w.-]{1,64}$/.test(id))
    throw new AwsError(400, 'InvalidConfigurationId', 'The id is not one of a configuration.')
  if (method === 'PUT') {
    const told = /<Id>([^<]*)<\/Id>/.exec(body)?.[1]
    const prefix = /<Filter><Prefix>([^<]+)<\/Prefix><\/Filter>/.exec(body)?.[1]
    if (told !== id || prefix === undefined)
      throw new AwsError(400, 'MalformedXML', 'The XML you provided was not well-formed.')
    if (!store.metrics.has(id) && store.metrics.size >= maxConfigurations)
      throw new AwsError(400, 'TooManyConfigurations', 'You are at the limit of configurations.')
    await store.record({ type: 'metrics', id, prefix: unescaped(prefix) })
    return { status: 200 }
  }
  const prefix = store.metrics.get(id)
  if (prefix === undefined)
    throw new AwsError(404, 'NoSuchConfiguration', 'The specified configuration does not exist.')
  if (method === 'GET')
    return {
      status: 200,
      name: 'MetricsConfiguration',
      xml: { Id: id, Filter: { Prefix: prefix } },
    }
  if (method !== 'DELETE') throw new AwsError(405, 'MethodNotAllowed', 'Not for this resource.')
  await store.record({ type: 'metrics-gone', id })
  return { status: 204 }
}

/** Counts for every configuration that the key, or the prefix of a list, falls under. */
export async function count(
  store: Store,
  at: number,
  key: string,
  counts: Partial<Record<MetricName, number>>,
): Promise<void> {
  const minute = Math.floor(at / minuteMs) * minuteMs
  for (const [id, prefix] of store.metrics)
    if (key.startsWith(prefix))
      for (const [metric, value] of Object.entries(counts))
        if (value > 0) await store.record({ type: 'point', id, metric, minute, value })
}

/** What a request of S3 counts as, by its method and what it asks for. */
export function countsOf(
  method: string,
  isList: boolean,
  status: number,
  bytes: { in: number; out: number },
): Partial<Record<MetricName, number>> {
  const kind: MetricName = isList
    ? 'ListRequests'
    : ({
        GET: 'GetRequests',
        HEAD: 'HeadRequests',
        PUT: 'PutRequests',
        POST: 'PostRequests',
        DELETE: 'DeleteRequests',
      }[method] as MetricName)
  return {
    AllRequests: 1,
    [kind]: 1,
    BytesUploaded: bytes.in,
    BytesDownloaded: method === 'HEAD' ? 0 : bytes.out,
    ...(status >= 400 && status < 500 ? { '4xxErrors': 1 } : {}),
  }
}

const invalid = (message: string) => new AwsError(400, 'ValidationError', message)

/** GetMetricData, for the sums of one account's S3. Anything else is refused. */
export function getMetricData(store: Store, text: string, until: number): object {
  const body = structureOf(text)
  const { StartTime: start, EndTime: end, MetricDataQueries: queries, NextToken: token } = body
  if (typeof start !== 'number' || typeof end !== 'number')
    throw invalid('StartTime and EndTime are required, in seconds.')
  if (start >= end) throw invalid('The parameter StartTime must be less than EndTime.')
  if (!Array.isArray(queries) || queries.length === 0 || queries.length > maxQueries)
    throw invalid(`MetricDataQueries: expected 1 to ${maxQueries}.`)
  const size = Number(body['MaxDatapoints'] ?? maxDatapoints)
  if (!Number.isInteger(size) || size < 1 || size > maxDatapoints)
    throw invalid(`MaxDatapoints: expected 1 to ${maxDatapoints}.`)
  if (
    token !== undefined &&
    token !== null &&
    (typeof token !== 'string' || !/^\d{1,9}$/.test(token))
  )
    throw new AwsError(400, 'InvalidNextToken', 'The next token specified is invalid.')
  const seen = new Set<string>()
  const points = queries.flatMap((query: unknown) => {
    const { id, ...sought } = readQuery(query)
    if (seen.has(id)) throw invalid(`The value ${id} for the parameter Id is not unique.`)
    seen.add(id)
    const found = sumsOf(store, sought, start * 1_000, Math.min(end * 1_000, until))
    if (body['ScanBy'] !== 'TimestampAscending') found.reverse()
    return found.map(({ at, sum }) => ({ id, at, sum }))
  })
  const from = Number(typeof token === 'string' ? token : 0)
  const page = points.slice(from, from + size)
  return {
    MetricDataResults: [...seen].map((Id) => {
      const own = page.filter(({ id }) => id === Id)
      return {
        Id,
        Label: Id,
        StatusCode: 'Complete',
        Timestamps: own.map(({ at }) => at / 1_000),
        Values: own.map(({ sum }) => sum),
      }
    }),
    Messages: [],
    ...(from + size < points.length ? { NextToken: String(from + size) } : {}),
  }
}

const maxStatistics = 1_440

/** GetMetricStatistics: the older question, of one metric. */
export function getMetricStatistics(store: Store, text: string, until: number): object {
  const body = structureOf(text)
  const { Namespace, MetricName, Dimensions, Period, Statistics } = body
  const { StartTime: start, EndTime: end } = body
  if (typeof start !== 'number' || typeof end !== 'number')
    throw invalid('StartTime and EndTime are required, in seconds.')
  if (start >= end) throw invalid('The parameter StartTime must be less than EndTime.')
  if (!Array.isArray(Statistics) || Statistics.length !== 1)
    throw invalid('This stand-in knows the Sum only.')
  const sought = readQuery({
    Id: 'one',
    MetricStat: {
      Metric: { Namespace, MetricName, Dimensions },
      Period,
      Stat: Statistics[0] as unknown,
    },
  })
  if (((end - start) * 1_000) / sought.periodMs > maxStatistics)
    throw new AwsError(
      400,
      'InvalidParameterCombinationException',
      `You have requested more than ${maxStatistics} datapoints, which exceeds the limit.`,
    )
  const sums = sumsOf(store, sought, start * 1_000, Math.min(end * 1_000, until))
  const Unit = sought.metric.startsWith('Bytes') ? 'Bytes' : 'Count'
  return {
    Label: sought.metric,
    Datapoints: sums.map(({ at, sum }) => ({ Timestamp: at / 1_000, Sum: sum, Unit })),
  }
}

function structureOf(text: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new AwsError(400, 'SerializationException', 'The body is not JSON.')
  }
  if (!isObject(body)) throw new AwsError(400, 'SerializationException', 'Expected a structure.')
  return body
}

type Sought = { filter: string; bucket: string; metric: string; periodMs: number }

function readQuery(query: unknown): Sought & { id: string } {
  if (!isObject(query)) throw invalid('A query is a structure.')
  const { Id: id, MetricStat: stat } = query
  if (typeof id !== 'string' || !/^[a-z]\w*$/.test(id))
    throw invalid(`The value ${String(id)} for the parameter Id is not valid.`)
  if (!isObject(stat) || !isObject(stat['Metric']))
    throw invalid('This stand-in knows queries with a MetricStat only.')
  const { Period: period, Stat: kind, Metric: metric } = stat
  if (typeof period !== 'number' || period < 60 || period % 60 !== 0)
    throw invalid('Period must be a multiple of 60.')
  if (kind !== 'Sum') throw invalid('This stand-in knows the Sum only.')
  const { Namespace: space, MetricName: name, Dimensions: dimensions } = metric
  if (space !== 'AWS/S3' || !(metricNames as readonly unknown[]).includes(name))
    throw invalid('This stand-in knows the request metrics of AWS/S3 only.')
  const valueOf = (wanted: string) =>
    (Array.isArray(dimensions) ? dimensions : []).find(
      (one: unknown) => isObject(one) && one['Name'] === wanted,
    ) as { Value?: string } | undefined
  return {
    id,
    metric: String(name),
    periodMs: period * 1_000,
    bucket: valueOf('BucketName')?.Value ?? '',
    filter: valueOf('FilterId')?.Value ?? '',
  }
}

/** Oldest first, each at the begin of its period. A time without requests has no point. */
function sumsOf(
  store: Store,
  { filter, bucket, metric, periodMs }: Sought,
  start: number,
  end: number,
): { at: number; sum: number }[] {
  const sums = new Map<number, number>()
  const points = bucket === store.bucket ? (store.points.get(`${filter} ${metric}`) ?? []) : []
  for (const { minute, value } of points) {
    if (minute < start || minute >= end) continue
    const at = Math.floor(minute / periodMs) * periodMs
    sums.set(at, (sums.get(at) ?? 0) + value)
  }
  return [...sums].map(([at, sum]) => ({ at, sum })).sort((a, b) => a.at - b.at)
}

const unescaped = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
