/**
 * Who may speak to a server on this machine (MEM-1302, W1, W2): the Host must be a loopback name or one configured, and
 * a browser's Origin must be the very same. So no page of another site, nor a rebound name, reaches memory.
 */
export type RequestNames = {
  /** Every Host header, in order; the parsed headers would hide a second one. */
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
  readonly fetchSite: string | undefined
  /** The request target as sent. */
  readonly target: string
}

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/**
 * Null when the request may pass, else why not. An origin that is listed may ask whatever its site.
 * @param ownNames names besides the loopback ones, as {@link hostName} writes them
 */
export function refusal(
  request: RequestNames,
  ownNames: readonly string[],
  corsOrigins: readonly string[] = [],
): string | null {
  if (!request.target.startsWith('/')) return 'the request target is not a path'
  const [host, ...more] = request.hosts
  if (host === undefined || more.length > 0) return 'expected one Host header'
  const name = hostName(host)
  if (name === null || !(loopbackNames.includes(name) || ownNames.includes(name))) {
    return `the host ${JSON.stringify(host.slice(0, 80))} is not ours`
  }
  const isListed = request.origins.length === 1 && corsOrigins.includes(request.origins[0] ?? '')
  if (isListed) return null
  if (request.origins.some((origin) => !isSameOrigin(origin, host))) return 'the origin is another site'
  const fromElsewhere = request.fetchSite === 'cross-site' || request.fetchSite === 'same-site'
  return fromElsewhere ? 'the request comes from another site' : null
}

/** The name without its port, in lower case, IPv6 in brackets; null when it is no host at all. */
export function hostName(host: string): string | null {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::\d{1,5})?$/.exec(host.toLowerCase())
  return match?.[1] ?? null
}

/** An address as a Host header writes it. */
export const hostOfAddress = (address: string): string =>
  (address.includes(':') && !address.startsWith('[') ? `[${address}]` : address).toLowerCase()

const isSameOrigin = (origin: string, host: string): boolean =>
  origin.toLowerCase() === `http://${host.toLowerCase()}` || origin.toLowerCase() === `https://${host.toLowerCase()}`

/** Whether an address listens to this machine only. */
export const isLoopback = (address: string): boolean =>
  ['localhost', '::1', '[::1]'].includes(address.toLowerCase()) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address)

/** Whether an address means every one of this machine. */
export const isWildcard = (address: string): boolean => ['0.0.0.0', '::', '[::]', ''].includes(address)
