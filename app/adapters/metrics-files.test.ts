/** The rules and the dashboard of ops/ name metrics, labels and findings that there are. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { createMetrics } from './metrics.server'

type Rule = {
  alert: string
  expr: string
  for?: string
  labels: { severity: string }
  annotations: { summary: string; description: string }
}
const { groups } = parse(readFileSync('ops/prometheus-alerts.yaml', 'utf8')) as {
  groups: { name: string; rules: Rule[] }[]
}
const rules = groups.flatMap((group) => group.rules)
type Panel = {
  id: number
  title: string
  gridPos: { x: number; w: number }
  targets?: { expr: string; legendFormat: string }[]
}
const { panels } = JSON.parse(readFileSync('ops/grafana-dashboard.json', 'utf8')) as {
  panels: Panel[]
}
const drawn = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ name: title, expr, legend: legendFormat })),
)
const asked = [
  ...rules.map(({ alert, expr, annotations }) => ({
    name: alert,
    expr,
    legend: Object.values(annotations).join(' '),
  })),
  ...drawn,
]

/** Every series that a process exports, with its labels; every metric has been counted once. */
async function exported(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics()
  metrics.countClaim('queued')
  metrics.countMint('saved')
  metrics.countBinds('bound', 1)
  metrics.countJob('sweep', 'crashed')
  metrics.countAlert('mail', 'sent')
  metrics.observeUpstream('createKey', 'ok', 1)
  metrics.observeRequest('GET', '/', 200, 1)
  const queue = { ready: 0, deferred: 0, active: 0, failed: 0, oldestSeconds: 0 }
  metrics.setGauges({
    queues: [{ queue: 'sweep', ...queue }],
    pools: [{ workshop: 'duckdb', committedUsd: 1, limitUsd: 2, seats: 1, maxSeats: 2 }],
    findings: [{ code: 'no-worker', severity: 'error', count: 1 }],
    alertsOpen: 0,
    alertsWaiting: 0,
    alertsFailed: 0,
    mintsWaiting: 0,
    oldestMintSeconds: 0,
    workers: 1,
    unboundKeys: 0,
    mintingPaused: false,
    gateClosed: false,
  })
  const { text } = await metrics.scrape()
  const series = new Map<string, Set<string>>()
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z]\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = series.get(name) ?? new Set(['instance'])
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
    series.set(name, known)
  }
  return series
}

const withoutText = (expr: string) => expr.replaceAll(/"[^"]*"/g, '""')
const metricsIn = (expr: string) =>
  [...withoutText(expr).matchAll(/\b(?:keymint|process|nodejs)_\w+/g)].map(([name]) => name)

/** Prometheus gives `job` to the process that it reads, and would rename ours. */
test('no metric has a label that Prometheus keeps for itself', async () => {
  const labels = [...(await exported()).values()].flatMap((names) => [...names])
  expect(labels).not.toContain('job')
})

test('each asks for a metric that Keymint exports, by labels that it has', async () => {
  const series = await exported()
  expect(asked.length).toBeGreaterThan(40)
  for (const { name, expr, legend } of asked) {
    const used = metricsIn(expr)
    expect(used.length, name).toBeGreaterThan(0)
    for (const metric of used) expect([...series.keys()], name).toContain(metric)
    const labels = new Set(used.flatMap((metric) => [...(series.get(metric) ?? [])]))
    const named = [
      ...[...withoutText(expr).matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*""/g)].map(([, one]) => one),
      ...[...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
        list.split(',').map((one) => one.trim()),
      ),
      ...[...legend.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, one]) => one),
    ]
    for (const label of named) expect([...labels], `${name}: ${label}`).toContain(label)
    const depth = [...withoutText(expr)].reduce(
      (open, sign) => open + ('([{'.includes(sign) ? 1 : ')]}'.includes(sign) ? -1 : 0),
      0,
    )
    expect(depth, name).toBe(0)
  }
})

test('each of our metrics is drawn or watched', async () => {
  const used = new Set(asked.flatMap(({ expr }) => metricsIn(expr)))
  const plain = (name: string) => name.replace(/_(bucket|sum|count)$/, '')
  const names = [...(await exported()).keys()].filter((name) => name.startsWith('keymint_'))
  for (const name of new Set(names.map(plain)))
    expect([...used].map(plain), 'ops/grafana-dashboard.json').toContain(name)
})

test('findings and outcomes that rules name are ones that the code has', () => {
  const findings = readFileSync('app/domain/operations/finding.ts', 'utf8')
  const named = rules.flatMap(({ expr }) =>
    [...expr.matchAll(/code=~?"([^"]+)"/g)].flatMap(([, codes = '']) => codes.split('|')),
  )
  expect(named).toEqual(['backup-failed', 'backup-late'])
  for (const code of named) expect(findings).toContain(`code: '${code}'`)
  expect(readFileSync('jobs/job-handler.ts', 'utf8')).toContain("'crashed'")
})

test('each rule says what is wrong and what to do, and each panel has its place', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
  for (const { alert, for: lasting = '1m', labels, annotations } of rules) {
    expect(alert).toMatch(/^Keymint[A-Z]\w+$/)
    expect(lasting, alert).toMatch(/^\d+[sm]$/)
    expect(['warning', 'error'], alert).toContain(labels.severity)
    expect(annotations.summary, alert).toMatch(/\S/)
    expect(annotations.description, alert).toMatch(/\.$/)
    for (const [, heading = '', page = ''] of annotations.description.matchAll(
      /"([^"]+)" in (docs\/\S+\.md)/g,
    ))
      expect(readFileSync(page, 'utf8'), alert).toMatch(new RegExp(`^## ${heading}$`, 'm'))
  }
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  for (const { title, gridPos } of panels) {
    expect(title).toMatch(/\S/)
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
  }
})
