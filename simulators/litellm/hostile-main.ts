/** One hostile proxy as a process: `tsx simulators/litellm/hostile-main.ts <kind>`. A line on stdin turns it. */
import { hostileKinds, startHostileProxy } from './hostile.ts'

const kind = hostileKinds.find((one) => one === process.argv[2])
if (!kind) throw new Error(`The kinds are: ${hostileKinds.join(', ')}.`)
const proxy = await startHostileProxy(kind)
process.stdin.on('data', () => proxy.turn())
process.stdin.on('end', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ baseUrl: proxy.baseUrl, masterKey: proxy.masterKey })}\n`)
