/**
 * A cable that can be cut: a TCP proxy for tests, in front of PostgreSQL.
 * It knows of the protocol only that the server ends each answer with ReadyForQuery.
 */
import net from 'node:net'

export type TcpProxy = {
  port: number
  /** The same database address, by way of the proxy. */
  urlFor(databaseUrl: string): string
  /** Destroys every connection; new ones are let through. */
  cut(): void
  /** While on, as of a server that restarts: every connection is destroyed, and new ones at once. */
  down(on: boolean): void
  /**
   * While on, nothing passes in either direction and nothing is lost; connections are accepted and
   * stay silent.
   */
  blackhole(on: boolean): void
  /** Holds every chunk back for so long, in order. 0 ends it. */
  delay(milliseconds: number): void
  /**
   * One shot: the next client message that holds these bytes never arrives, and its connection is
   * destroyed. Resolves then.
   */
  dropNextMatching(bytes: string): Promise<void>
  /**
   * One shot: the next client message that holds these bytes arrives and is answered, but the
   * client loses its connection instead of getting the answer. Resolves then.
   */
  cutAnswerAfter(bytes: string): Promise<void>
  stop(): Promise<void>
}

type Trap = { kind: 'drop' | 'cut-answer'; needle: Buffer; sprung(): void }
type Pair = { client: net.Socket; server: net.Socket; flush(): void; destroy(): void }

const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5])

/** `target` is a database address (postgresql://…) or a host and port. */
export async function startTcpProxy(
  target: string | { host: string; port: number },
): Promise<TcpProxy> {
  const to = typeof target === 'string' ? addressOf(target) : target
  const pairs = new Set<Pair>()
  const traps: Trap[] = []
  let holding = false
  let isDown = false
  let delayMs = 0

  const listener = net.createServer((client) => {
    if (isDown) {
      client.destroy()
      return
    }
    const server = net.connect(to)
    client.setNoDelay(true)
    server.setNoDelay(true)
    let withheld: { trap: Trap; answer: Buffer } | undefined
    let tail: Buffer = Buffer.alloc(0)

    const destroy = () => {
      client.destroy()
      server.destroy()
      pairs.delete(pair)
    }
    const toServer = lane(server)
    const toClient = lane(client)
    const pair: Pair = {
      client,
      server,
      destroy,
      flush: () => {
        toServer.flush()
        toClient.flush()
      },
    }
    pairs.add(pair)

    client.on('data', (chunk: Buffer) => {
      const seen = Buffer.concat([tail, chunk])
      const at = traps.findIndex((candidate) => seen.includes(candidate.needle))
      const trap = at < 0 ? undefined : traps.splice(at, 1)[0]
      const longest = Math.max(1, ...traps.map((candidate) => candidate.needle.length))
      tail = trap
        ? Buffer.alloc(0)
        : Buffer.from(seen.subarray(Math.max(0, seen.length - longest + 1)))
      if (trap?.kind === 'drop') {
        destroy()
        trap.sprung()
        return
      }
      if (trap) withheld = { trap, answer: Buffer.alloc(0) }
      toServer.send(chunk)
    })
    server.on('data', (chunk: Buffer) => {
      if (!withheld) return toClient.send(chunk)
      withheld.answer = Buffer.concat([withheld.answer, chunk])
      if (!withheld.answer.includes(readyForQuery)) return
      destroy()
      withheld.trap.sprung()
    })
    client.on('end', () => toServer.end())
    server.on('end', () => toClient.end())
    for (const socket of [client, server]) {
      socket.on('error', destroy)
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) pairs.delete(pair)
      })
    }
    client.on('close', () => server.end())
  })

  function lane(socket: net.Socket) {
    type Item = { chunk: Buffer | undefined; due: number }
    const waiting: Item[] = []
    const flush = () => {
      while (!holding && waiting[0] && waiting[0].due <= Date.now()) {
        const { chunk } = waiting.shift() as Item
        if (socket.destroyed) continue
        if (chunk) socket.write(chunk)
        else socket.end()
      }
    }
    const put = (chunk: Buffer | undefined) => {
      waiting.push({ chunk, due: Date.now() + delayMs })
      if (delayMs > 0) setTimeout(flush, delayMs + 1)
      else flush()
      // A shorter delay set later must not leave an earlier chunk without a timer.
      const first = waiting[0]
      if (first && delayMs === 0 && !holding) setTimeout(flush, first.due - Date.now() + 1)
    }
    return { send: (chunk: Buffer) => put(chunk), end: () => put(undefined), flush }
  }

  const trap = (kind: Trap['kind'], bytes: string) =>
    new Promise<void>((resolve) =>
      traps.push({ kind, needle: Buffer.from(bytes), sprung: resolve }),
    )

  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject)
    listener.listen(0, '127.0.0.1', resolve)
  })
  const { port } = listener.address() as net.AddressInfo
  const cut = () => [...pairs].forEach((pair) => pair.destroy())

  return {
    port,
    urlFor: (databaseUrl) => {
      const url = new URL(databaseUrl)
      url.hostname = '127.0.0.1'
      url.port = String(port)
      return url.href
    },
    cut,
    down: (on) => {
      isDown = on
      if (on) cut()
    },
    blackhole: (on) => {
      holding = on
      if (!on) for (const pair of pairs) pair.flush()
    },
    delay: (milliseconds) => {
      delayMs = milliseconds
    },
    dropNextMatching: (bytes) => trap('drop', bytes),
    cutAnswerAfter: (bytes) => trap('cut-answer', bytes),
    stop: () => {
      cut()
      return new Promise<void>((resolve) => listener.close(() => resolve()))
    },
  }
}

function addressOf(databaseUrl: string): { host: string; port: number } {
  const url = new URL(databaseUrl)
  return { host: url.hostname, port: Number(url.port || 5432) }
}
