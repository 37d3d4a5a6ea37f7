import { EngramError } from '../model/errors.ts'
import { hostName, hostOfAddress, refusal, type RequestNames } from './same-origin.ts'

/** What is known of a request before anything of it is believed. */
export type Arrival = {
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[]
  readonly target: string
  /** The address of this machine the connection came in by; undefined on a unix socket. */
  readonly localAddress: string | undefined
}

/** What a sender is told who may not come in. */
export type Refusal = { readonly error: EngramError; readonly status?: number }

/** Null when a request may come in. */
export type FrontDoor = (arrival: Arrival) => Refusal | null

export type FrontDoorOptions = {
  /** Host names besides the loopback ones. */
  readonly allowedHosts: readonly string[]
  /** Origins of other sites that may ask (COL-1502). */
  readonly corsOrigins?: readonly string[]
  /**
   * Where every route wants a token anyway, the very address a connection came in by is a good name too: a rebound name
   * is never an address.
   */
  readonly trustLocalAddress: boolean
}

/** More names than any honest client sends; all of them fit in the 16 KiB that a head may have. */
const headersMax = 100

/** Host, Origin and shape of each request, checked before routing, so that no route can forget it (W1, W2). */
export function frontDoor(options: FrontDoorOptions): FrontDoor {
  const configured = options.allowedHosts.flatMap((host) => hostName(host) ?? [])
  return (arrival) => {
    if (arrival.rawHeaders.length > headersMax * 2) {
      return { error: new EngramError('invalid_request', `Expected at most ${headersMax} headers.`), status: 431 }
    }
    const own = options.trustLocalAddress ? [...configured, ...ownAddress(arrival.localAddress)] : configured
    const reason = refusal({ ...namesIn(arrival.rawHeaders), target: arrival.target }, own, options.corsOrigins)
    return reason === null ? null : { error: new EngramError('origin_refused', `Refused: ${reason}.`) }
  }
}

/** All of each, in one pass. */
function namesIn(rawHeaders: readonly string[]): Omit<RequestNames, 'target'> {
  const [hosts, origins, fetchSites]: [string[], string[], string[]] = [[], [], []]
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]?.toLowerCase(), rawHeaders[at + 1] ?? '']
    if (name === 'host') hosts.push(value)
    else if (name === 'origin') origins.push(value)
    else if (name === 'sec-fetch-site') fetchSites.push(value)
  }
  return { hosts, origins, fetchSite: fetchSites[0] }
}

/** IPv4 on a socket that serves both families arrives as `::ffff:10.0.0.5`. */
const ownAddress = (address: string | undefined): readonly string[] =>
  address === undefined ? [] : [hostOfAddress(address.replace(/^::ffff:(?=\d+\.)/, ''))]
