import type { Found, Scan } from './finding.ts'
import { createBareEnd } from './quoted.ts'
import { isNotSecret, isQuotedName } from './not-secret.ts'

const schemeEnd = /:(?:\/\/|\\\/\\\/)/g
const userInfoMax = 1_024
const query =
  /(?:[?&;#]|\\u0026|%26)(?:x-amz-)?(?:access_token|id_token|refresh_token|auth_token|token|api_?key|apikey|key|sig|signature|client_secret|password|passwd|pwd|secret|credential|code)=/gi
const goDsn = /@(?:tcp|unix)\(/g
/** The first characters tell whether a value is a secret. */
const judgedMax = 64

/** ING-RED-2/url: the password before the host, and the values of query parameters that carry a secret. */
export function findUrlSecret({ text }: Scan, found: Found): void {
  if (text.includes('=')) findInQuery(text, found)
  if (text.includes('@')) {
    findPassword(text, found)
    findInDsn(text, found)
  }
}

function findPassword(text: string, found: Found): void {
  schemeEnd.lastIndex = 0
  for (let hit = schemeEnd.exec(text); hit !== null; hit = schemeEnd.exec(text)) {
    const from = schemeEnd.lastIndex
    const { colon, at } = userInfo(text, from)
    if (colon === -1 || at <= colon + 1) continue
    // A user name that is the whole secret (`https://TOKEN:x-oauth-basic@`) is masked with its empty password.
    const start = /^(?:x-oauth-basic|x-access-token)?$/.test(text.slice(colon + 1, at)) ? from : colon + 1
    if (!isReference(text.slice(start, at))) found('url', start, at)
    schemeEnd.lastIndex = at
  }
}

/** The first colon and the last at sign before the host's end. */
function userInfo(text: string, from: number): { colon: number; at: number } {
  const limit = Math.min(text.length, from + userInfoMax)
  let colon = -1
  let sign = -1
  for (let at = from; at < limit; at++) {
    const unit = text.charCodeAt(at)
    // Space and controls, " ' / < > ` \ and, before any at sign, ? and #.
    if (
      unit <= 32 ||
      unit === 34 ||
      unit === 39 ||
      unit === 47 ||
      unit === 60 ||
      unit === 62 ||
      unit === 92 ||
      unit === 96
    )
      break
    if (sign !== -1 && (unit === 63 || unit === 35 || unit === 44)) break
    if (unit === 58 && colon === -1 && sign === -1) colon = at
    if (unit === 64) sign = at
  }
  return { colon, at: sign }
}

/** `${PASSWORD}`, `$PASS`, `<password>`, `***`: nothing is given away. */
const isReference = (value: string): boolean =>
  /^(?:\$\{[^}]*\}|\$\(.*\)|\$[A-Za-z_]\w*|<[^>]*>|\{\{?[^}]*\}?\}|%[sdv]|%\w+%|\*+|x{3,}|\.{3,}|\[REDACTED.*)$/i.test(
    value.slice(0, 200),
  )

function findInQuery(text: string, found: Found): void {
  const bareEnd = createBareEnd(text, '&<>#;\\),]}|')
  query.lastIndex = 0
  for (let hit = query.exec(text); hit !== null; hit = query.exec(text)) {
    const start = query.lastIndex
    const end = bareEnd(start)
    const value = text.slice(start, Math.min(end, start + judgedMax))
    if (value.length < 6 || isNotSecret(value) || isReference(value)) continue
    if (/^\d{1,7}$/.test(value) || isQuotedName(value)) continue
    found('url', start, end)
    query.lastIndex = end
  }
}

/** `user:PASSWORD@tcp(host:3306)/name`, which has no scheme. */
function findInDsn(text: string, found: Found): void {
  goDsn.lastIndex = 0
  for (let hit = goDsn.exec(text); hit !== null; hit = goDsn.exec(text)) {
    const userAndPassword = /[\w.-]{1,64}:([^\s"'`\\/:@]{1,128})$/.exec(
      text.slice(Math.max(0, hit.index - 200), hit.index),
    )
    const value = userAndPassword?.[1]
    if (value !== undefined && !isReference(value)) found('url', hit.index - value.length, hit.index)
  }
}
