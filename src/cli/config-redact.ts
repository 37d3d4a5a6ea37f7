import { EngramError } from '../model/errors.ts'

/** What `redact:` in config.yaml asks for (ING-RED-6). The patterns are checked where they are used. */
export type RedactConfig = {
  readonly extra: readonly { readonly name: string; readonly pattern: string }[]
  readonly allow: readonly string[]
  readonly emails: boolean
  readonly homePaths: boolean
}

/**
 * Strict on purpose: a rule that was meant to keep a secret in and is misspelt must not be passed over. Throws `usage`,
 * naming the key.
 */
export function redactConfig(given: unknown): RedactConfig {
  const map = given === undefined || given === null ? {} : mapOf('redact', given)
  const unknown = Object.keys(map).find((key) => !keys.includes(key))
  if (unknown !== undefined) throw misfit(`redact.${unknown}`, `one of ${keys.join(', ')}`)
  return {
    extra: listOf('redact.extra', map['extra']).map((one, at) => extraOf(`redact.extra[${at}]`, one)),
    allow: listOf('redact.allow', map['allow']).map((one, at) => textOf(`redact.allow[${at}]`, one)),
    emails: switchOf('redact.emails', map['emails']),
    homePaths: switchOf('redact.home_paths', map['home_paths']),
  }
}

const keys: readonly string[] = ['extra', 'allow', 'emails', 'home_paths']

function extraOf(name: string, given: unknown): RedactConfig['extra'][number] {
  const map = mapOf(name, given)
  return { name: textOf(`${name}.name`, map['name']), pattern: textOf(`${name}.pattern`, map['pattern']) }
}

function mapOf(name: string, given: unknown): Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw misfit(name, 'keys and values')
  return { ...given }
}

function listOf(name: string, given: unknown): readonly unknown[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given)) throw misfit(name, 'a list')
  return given
}

function textOf(name: string, given: unknown): string {
  if (typeof given !== 'string' || given === '') throw misfit(name, 'a text')
  return given
}

function switchOf(name: string, given: unknown): boolean {
  if (given === undefined || given === null) return false
  if (typeof given !== 'boolean') throw misfit(name, 'true or false')
  return given
}

const misfit = (name: string, expected: string): EngramError =>
  new EngramError('usage', `config.yaml: ${name}: expected ${expected}.`, { hint: 'Repair the file.' })
