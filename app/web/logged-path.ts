/** An address as a log may hold it: an invitation's own address lets whoever reads it in. */
export function loggedPath(pathname: string): string {
  return pathname.replace(/^(\/t\/join\/).+/, '$1…')
}
