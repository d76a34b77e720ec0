/** An address without its secret, for the log: whoever knows an invitation's address can join. */
export function loggedPath(pathname: string): string {
  return pathname.replace(/^(\/t\/join\/).+/, '$1…')
}
