import { isWords } from './likeness.ts'

/** ING-RED-3: references, templates, placeholders, and what code computes. */
const reference =
  /^(?:\$[A-Za-z_]\w*$|\$\(|\$env:|%[A-Za-z_]\w*%$|%[sdv]$|@|<[^<>]*>?$|\*{3}|\.{3}|:[a-z_]+$|!Ref|vault:|op:\/\/|arn:aws)/i
const template = /\$\{|\{\{|%\(|<%|#\{|\.\.\.$|…$|\*\*\*|\[REDACTED|\[\^?(?:a-z|A-Z|0-9|\\[dw])/
const environment = /\b(?:process\.env|os\.environ|os\.getenv|import\.meta|env\[|ENV\[|secrets\.|System\.getenv)/
const uuid = /^\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?$/i
const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
const ownId = /^(?:obs|prompt|rel)-[0-9a-f]{16}$/
const integrity = /^sha(?:1|256|384|512)[-:]/i
const dateOrNumber =
  /^[-+]?(?:\d{4}-\d\d-\d\d(?:[T ][\d:.,Z+-]*)?|\d{1,3}(?:[.,_]\d{1,6})*|v?\d+\.\d+[\w.+-]{0,16}|0x[0-9a-f]{1,8})$/i
const path = /^(?:~|\.{1,2})?\/(?:[\w.@-]+\/)*[\w.@-]*$|^[A-Za-z]:\\|^\w{2,12}:\\?\/\\?\//
const typeName = /^(?:u?int|float|utf|sha|md|aes|hs|rs|es|base|argon|pbkdf|ed|x|secp|p)-?\d+\w{0,12}$/i
const member = /^[A-Za-z_$][\w$]*(?:(?:\?\.|\.|::|->|\.#)[A-Za-z_$][\w$]*)+[!?]?$/
const call = /^[A-Za-z_$][\w$.:]*[([]|^\/\S*[\\([^$]/

/** Whether a value that stands where a secret could stand is visibly none. Reads a bounded part of it. */
export function isNotSecret(value: string): boolean {
  const head = value.slice(0, 200)
  return (
    reference.test(head) ||
    template.test(head) ||
    environment.test(head) ||
    uuid.test(head) ||
    ulid.test(head) ||
    ownId.test(head) ||
    integrity.test(head) ||
    dateOrNumber.test(head) ||
    /^[A-Za-z]{1,15}$/.test(head)
  )
}

/** Whether an unquoted value is rather code, a type, a path or a name than a secret. */
export const isCodeOrName = (value: string): boolean =>
  call.test(value) || isMember(value) || path.test(value) || typeName.test(value) || isWords(value)

/** `config.apiKey`, `this.#token2`. A token with dots holds digits, and its parts do not read as words. */
const isMember = (value: string): boolean =>
  member.test(value) && (!/\d/.test(value) || value.split(/[^\w$]+/).every((part) => isWords(part)))

/** Whether a quoted value is a path, an address or a name. */
export const isQuotedName = (value: string): boolean => path.test(value) || typeName.test(value) || isWords(value)
