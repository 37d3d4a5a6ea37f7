import type { SecretName } from './assigned-value.ts'
import { assignedPlace } from './assigned-value.ts'
import { runEnd, runStart, word } from './characters.ts'
import type { Found, Scan } from './finding.ts'
import type { BareEnd } from './quoted.ts'
import { createBareEnd, quotedAt } from './quoted.ts'
import { isSecretValue } from './secret-value.ts'

/** Alternatives that begin alike stand together: so the search gives up a place after one look. */
const keyword =
  /p(?:ass(?:w(?:ord|d|ort)|phrase|(?<![a-z]pass)(?![a-z]))|wd|rivate[ _-]?key)|kennwort|c(?:ontrase.a|redential)|s(?:ecret|igning[ _-]?key)|token|(?:a(?:pi|ccess|uth)|encryption)[ _-]?key|identified by/gi
/** Names that mean nothing else; `token` and `credential` have many other meanings. */
const strong = /^(?:pass|pwd|kennwort|contra|secret|identified|.*key$)/i
/** A name is longer than this only in texts made to cost time. */
const nameMax = 48
/** The first characters tell whether a value is a secret. */
const judgedMax = 64
/** What `password_…` is about when it is not the password. The last word of the name decides. */
const aboutWords = [
  'name|names|file|files|path|dir|directory|url|uri|endpoint|address|arn|ref|refs|ids?|index|position|offset',
  'type|types|kind|class|format|version|scope|scopes|policy|rules|regex|pattern|algorithm|algo|strength|validator',
  'ttl|count|counts|limit|limits|length|len|size|max|min|per|usage|used|budget|cost|age',
  'expiry|expires|expiration|expire|rotation|changed|updated|created|at|in|status|enabled|required|valid|reset',
  'field|label|hint|placeholder|prompt|message|msg|error|symbol|mask|header|headers|prefix|suffix|param|env|stdin',
  'provider|manager|store|storage|service|sha|sha256|digest|checksum',
].join('|')
const aboutSuffix = new RegExp(`(?:^|[_-])(?:${aboutWords})$`, 'i')
const aboutCamel = new RegExp(`(?:${aboutWords.replaceAll(/\b[a-z]/g, (first) => first.toUpperCase())})$`)
const countedTokens =
  /(?:page|next|cursor|continuation|sync|cancellation|cancel|design|num|max|min|total|prompt|input|output)[_-]?$/i
const literalPrefix = /(?:[bBrRfFuU@]|&)(?=["'`])/y

/** Up to what ends a word in code, or up to the space of a shell's line. */
type BareEnds = { readonly word: BareEnd; readonly line: BareEnd }

/** ING-RED-2/assignment: a secret by the name of what it is given to. */
export function findAssignment({ text }: Scan, found: Found): void {
  const ends: BareEnds = { word: createBareEnd(text, ',;&<>|)}]'), line: createBareEnd(text, '') }
  keyword.lastIndex = 0
  for (let hit = keyword.exec(text); hit !== null; hit = keyword.exec(text)) {
    const name = nameAround(text, hit.index, keyword.lastIndex)
    const end = isAboutSecret(text, name) ? reportValue(text, name, ends, found) : 0
    if (end > keyword.lastIndex) keyword.lastIndex = end
  }
}

function nameAround(text: string, at: number, keywordEnd: number): SecretName {
  const start = runStart(text, at, word, Math.max(0, at - nameMax))
  const end = runEnd(text, keywordEnd, word, Math.min(text.length, keywordEnd + nameMax))
  return { text: text.slice(at, keywordEnd), start, at, suffix: text.slice(keywordEnd, end), end }
}

/** `tokenizer`, `secretary`, `max_tokens`, `password_file` hold the word and no secret. */
function isAboutSecret(text: string, { text: telling, start, at, suffix }: SecretName): boolean {
  if (/^[a-z]/.test(suffix) && !/^s(?![a-z])/.test(suffix) && /[a-z]$/.test(telling)) return false
  if (/^[A-Z]{2}/.test(suffix) && /[A-Z]$/.test(telling)) return false
  if (aboutSuffix.test(suffix) || aboutCamel.test(suffix)) return false
  return !/^token/i.test(telling) || !countedTokens.test(text.slice(start, at))
}

/** Reports the value behind the name, if it is one. Returns where to go on. */
function reportValue(text: string, name: SecretName, ends: BareEnds, found: Found): number {
  const place = assignedPlace(text, name)
  if (place === undefined) return 0
  literalPrefix.lastIndex = place.start
  const start = literalPrefix.test(text) ? literalPrefix.lastIndex : place.start
  const quoted = quotedAt(text, start)
  const bareEnd = place.isWholeLine ? ends.line : ends.word
  const value = quoted ?? { start, end: withoutFullStop(text, start, bareEnd(start)) }
  const judged = text.slice(value.start, Math.min(value.end, value.start + judgedMax))
  const isSecret = isSecretValue(judged, {
    isBare: quoted === undefined,
    isStrong: strong.test(name.text),
    isSpoken: place.isSpoken,
    isPassphrase: /phrase/i.test(name.text),
    isWholeLine: place.isWholeLine,
  })
  if (isSecret) found('assignment', value.start, value.end)
  return isSecret ? value.end : 0
}

/** It ends the sentence, not the value. */
function withoutFullStop(text: string, start: number, end: number): number {
  let at = end
  while (at > start && end - at < 3 && '.:?'.includes(text.charAt(at - 1))) at--
  return at
}
