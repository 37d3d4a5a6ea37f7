import { entropyBits, hasVariety, isWords } from './likeness.ts'
import { isCodeOrName, isNotSecret, isQuotedName } from './not-secret.ts'

export type ValueOptions = {
  readonly isBare: boolean
  /** The name says password, secret or key; `token` and `credential` have many other meanings. */
  readonly isStrong: boolean
  /** `the password is …`: prose, so the value must look like nothing else. */
  readonly isSpoken: boolean
  readonly isPassphrase: boolean
  /** `NAME=value` from the start of a line to its end: a shell or env file, where brackets are no code. */
  readonly isWholeLine: boolean
}

const quotedCharactersMin = 6
const bareCharactersMin = 8
const bitsMin = 2.5
const madeUp =
  /your|my|example|dummy|sample|change|replace|insert|placeholder|password|passwd|secret|token|test|fake|todo|here|key/i
const digitsOnly = /^[\d.,_:-]+$/

/** ING-RED-2/assignment, the value's half: long enough, spread enough, and nothing of ING-RED-3. */
export function isSecretValue(value: string, options: ValueOptions): boolean {
  if (value.length < (options.isBare ? bareCharactersMin : quotedCharactersMin)) return false
  if (entropyBits(value) < bitsMin || isNotSecret(value)) return false
  if (digitsOnly.test(value)) return options.isStrong && !options.isSpoken && hasVariety(value, 0, value.length, 5)
  if (/\s/.test(value)) return isPhrase(value, options)
  if (options.isSpoken) return isMixed(value)
  if (options.isWholeLine) return options.isStrong ? !isPlainName(value) : !isCodeOrName(value)
  if (options.isBare) return options.isStrong && isSingleWithDigits(value) ? true : !isCodeOrName(value)
  return options.isStrong ? !isPlainName(value) : !isQuotedName(value)
}

/** Words joined by dashes may be a password where nothing else is meant, unless they speak of one. */
function isPlainName(value: string): boolean {
  if (isSingleWithDigits(value)) return false
  if (!isQuotedName(value)) return false
  const parts = value.split(/[-_]/)
  return !(parts.length >= 3 && parts.every((part) => /^[a-z]{3,12}$/.test(part)) && !madeUp.test(value))
}

/** `hunter22`: one word with digits, the most common kind of password. */
const isSingleWithDigits = (value: string): boolean =>
  /^[A-Za-z]{3,}\d{1,6}$/.test(value) && !/^(?:u?int|float|utf|sha|base|oauth|string|bytes)\d+/i.test(value)

/** With spaces it is mostly a sentence. */
function isPhrase(value: string, { isBare, isStrong, isPassphrase }: ValueOptions): boolean {
  if (isBare || !isStrong) return false
  const words = value.trim().split(/\s+/)
  if (isPassphrase && words.length >= 4) return words.every((word) => /^[a-z]{3,12}$/.test(word))
  return words.length <= 3 && words.some((word) => /\d/.test(word) && /[A-Za-z]/.test(word) && !isWords(word))
}

/** Letters and digits, and capitals with small letters or a mark: no word of a sentence. */
const isMixed = (value: string): boolean =>
  /\d/.test(value) &&
  /[A-Za-z]/.test(value) &&
  (/[!@#$%^&*+~]/.test(value) || (/[a-z]/.test(value) && /[A-Z]/.test(value))) &&
  !isWords(value)
