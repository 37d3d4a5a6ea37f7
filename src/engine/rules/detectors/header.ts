import type { Found, Scan } from './finding.ts'
import { isNotSecret } from './not-secret.ts'
import { isWords } from './likeness.ts'
import type { BareEnd } from './quoted.ts'
import { createBareEnd } from './quoted.ts'

const anchor = /authorization|set-cookie|cookie|bearer/gi
const separator = '(?:\\\\{0,15}["\'`])?\\]?[ \\t]{0,4}[:=,][ \\t]{0,4}(?:\\\\{0,15}["\'`])?'
const authorizationValue = new RegExp(`${separator}(?:(bearer|basic|token|apikey|digest)[ ]{1,4})?`, 'iy')
const cookieValue = new RegExp(separator, 'y')
const pair = /[ ]?([A-Za-z0-9!#$%&*+.^_|~-]{1,128})=([^\s;,"'`\\<>]{0,4096})/y
const valueMin = 8
/** The first characters tell whether a value is a secret. */
const judgedMax = 64

/** ING-RED-2/header: the value of an Authorization header, a bearer token anywhere, the values of cookies. */
export function findHeader({ text }: Scan, found: Found): void {
  const bareEnd = createBareEnd(text, ',;<>)}]')
  anchor.lastIndex = 0
  for (let hit = anchor.exec(text); hit !== null; hit = anchor.exec(text)) {
    const end = readHeader(text, hit[0].toLowerCase(), anchor.lastIndex, bareEnd, found)
    if (end > anchor.lastIndex) anchor.lastIndex = end
  }
}

function readHeader(text: string, name: string, at: number, bareEnd: BareEnd, found: Found): number {
  if (name === 'authorization') return readAuthorization(text, at, bareEnd, found)
  if (name === 'bearer') return /[ \t]/.test(text.charAt(at)) ? readToken(text, at + 1, false, bareEnd, found) : 0
  cookieValue.lastIndex = at
  return cookieValue.test(text) ? readCookies(text, cookieValue.lastIndex, name === 'set-cookie', found) : 0
}

function readAuthorization(text: string, at: number, bareEnd: BareEnd, found: Found): number {
  authorizationValue.lastIndex = at
  const hit = authorizationValue.exec(text)
  return hit === null ? 0 : readToken(text, authorizationValue.lastIndex, hit[1] !== undefined, bareEnd, found)
}

/** Without a scheme before it the value must look random: prose has such words too. */
function readToken(text: string, start: number, isAfterScheme: boolean, bareEnd: BareEnd, found: Found): number {
  const end = bareEnd(start)
  const value = text.slice(start, Math.min(end, start + judgedMax))
  if (value.length < valueMin || isNotSecret(value)) return 0
  if (isWords(value) || (!isAfterScheme && !/\d/.test(value))) return 0
  found('header', start, end)
  return end
}

/** Every cookie's value; of Set-Cookie only the first, the rest are attributes. */
function readCookies(text: string, from: number, isFirstOnly: boolean, found: Found): number {
  let at = from
  for (pair.lastIndex = at; ; pair.lastIndex = at + 1) {
    const hit = pair.exec(text)
    if (hit === null) return at
    at = pair.lastIndex
    const value = hit[2] ?? ''
    if (value.length >= 4 && !isNotSecret(value)) found('header', at - value.length, at)
    if (isFirstOnly || text.charAt(at) !== ';') return at
  }
}
