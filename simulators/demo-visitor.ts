/** A person who uses Keymint by its forms, without a browser: what the demo begins with is made so. */
export class DemoVisitor {
  private readonly cookies = new Map<string, string>()
  private constructor(private readonly origin: string) {}

  /** Signs in as somebody of the GitHub stand-in, by the addresses that its pages use. */
  static async signIn(origin: string, login: string): Promise<DemoVisitor> {
    const visitor = new DemoVisitor(origin)
    const start = await visitor.post('/auth/github', { returnTo: '/' })
    const authorize = new URL(start.to)
    const chosen = await fetch(new URL('/login/oauth/callback', authorize), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ ...Object.fromEntries(authorize.searchParams), login }),
    })
    await visitor.send(chosen.headers.get('location') ?? '', {})
    return visitor
  }

  /** Where the answer leads, and its page; throws where a form was refused. */
  async post(path: string, form: Record<string, string>): Promise<{ to: string; page: string }> {
    const answer = await this.send(`${this.origin}${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
    })
    const page = await answer.text()
    if (answer.status >= 400) throw new Error(`${path} was answered with ${answer.status}.`)
    return { to: answer.headers.get('location') ?? '', page }
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    const answer = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        origin: this.origin,
        cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
      signal: AbortSignal.timeout(30_000),
    })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return answer
  }
}
