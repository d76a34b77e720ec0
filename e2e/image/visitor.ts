/**
 * A browser's part without a browser, in front of two web machines: cookies, and a load balancer's
 * way of sending. As Fly's proxy does, it turns to the next machine where nobody listens, and
 * repeats a GET whose connection was closed.
 */
export type Answer = { status: number; location: string | null; text: string }

export class Balancer {
  readonly statuses: Record<number, number> = {}
  readonly cut: string[] = []
  #next = 0
  constructor(
    readonly publicOrigin: string,
    readonly machines: string[],
  ) {}

  /** Sends to one machine after the other, and counts what came back. */
  async send(path: string, init: RequestInit): Promise<Response> {
    const first = this.#next++
    for (let tries = 0; ; tries++) {
      const machine = this.machines[(first + tries) % this.machines.length] ?? ''
      try {
        const response = await fetch(`${machine}${path}`, { ...init, redirect: 'manual' })
        this.statuses[response.status] = (this.statuses[response.status] ?? 0) + 1
        return response
      } catch (error) {
        const cause =
          error instanceof Error && error.cause instanceof Error && 'code' in error.cause
            ? String(error.cause.code)
            : String(error)
        const neverSent = cause === 'ECONNREFUSED'
        if ((neverSent || init.method === 'GET') && tries < 5) continue
        this.cut.push(`${init.method} ${path}: ${cause}`)
        throw error
      }
    }
  }
}

export class Visitor {
  readonly #cookies = new Map<string, string>()
  constructor(readonly balancer: Balancer) {}

  get(path: string): Promise<Answer> {
    return this.#ask(path, { method: 'GET' })
  }

  post(path: string, form: Record<string, string> = {}): Promise<Answer> {
    return this.#ask(path, { method: 'POST', body: new URLSearchParams(form) })
  }

  /** The round trip to a provider's stand-in and back, without its pages. An address is one of Google's. */
  async signIn(login: string): Promise<void> {
    const isGoogle = login.includes('@')
    const start = await this.post(isGoogle ? '/auth/google' : '/auth/github', { returnTo: '/' })
    const authorize = new URL(start.location ?? '')
    const callback = isGoogle ? '/o/oauth2/v2/auth/callback' : '/login/oauth/callback'
    const chosen = await fetch(new URL(callback, authorize), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({
        ...Object.fromEntries(authorize.searchParams),
        [isGoogle ? 'email' : 'login']: login,
      }),
    })
    const back = new URL(chosen.headers.get('location') ?? '')
    const landed = await this.get(back.pathname + back.search)
    if (landed.location !== '/')
      throw new Error(`${login} could not sign in: ${landed.status} ${landed.location}`)
  }

  async #ask(path: string, init: RequestInit): Promise<Answer> {
    const { publicOrigin } = this.balancer
    const response = await this.balancer.send(path, {
      ...init,
      headers: {
        Origin: publicOrigin,
        'X-Forwarded-Host': new URL(publicOrigin).host,
        Cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '' || /max-age=0/i.test(cookie)) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return {
      status: response.status,
      location: response.headers.get('location'),
      text: await response.text(),
    }
  }
}
