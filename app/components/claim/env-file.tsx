import { Callout } from '../base/callout'
import { CodeBlock, PowerShellBlock } from './code-block'
import { envCommands, envFile, gitignoreLine } from './snippets'

/** A .env to copy, the commands that load it, and the line that keeps it out of git. */
export function EnvFile({ baseUrl }: { baseUrl: string }) {
  return (
    <>
      <h3 className="mt-8 text-lead font-semibold">A .env file</h3>
      <CodeBlock id="env-file" label=".env" text={envFile(null, baseUrl)} />
      <CodeBlock id="env-load" label={envCommands.label} text={envCommands.text} />
      <PowerShellBlock id="env-load-ps" text={envCommands.powershell ?? ''} />
      <div className="mt-4">
        <Callout tone="warning" title="Keep it out of git">
          <p>
            Anyone who finds the key can spend what is left. Add this line to your{' '}
            <code className="font-mono text-small">.gitignore</code> before your first commit:
          </p>
          <CodeBlock id="gitignore-line" label=".gitignore" text={gitignoreLine} />
        </Callout>
      </div>
    </>
  )
}
