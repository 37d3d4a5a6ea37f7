import { chinese } from './zh.ts'
import { english } from './en.ts'
import { french } from './fr.ts'
import { german } from './de.ts'
import { declaredTypes } from './language.ts'
import type { DeclaredType, Language } from './language.ts'
import { portuguese } from './pt.ts'
import { spanish } from './es.ts'

/** The languages the prose rules know (ING-EXT-5). Adding one is one table. */
export const languages: readonly Language[] = [english, spanish, german, french, portuguese, chinese]

type MarkerField = 'fromNowOn' | 'oneTask' | 'choice' | 'reason' | 'cause' | 'expected' | 'hedge'
type OpeningField = 'remember' | 'contradiction' | 'confirmation' | 'step' | 'courtesy'

const wordCharacter = '[\\p{L}\\p{N}_]'

/** The patterns of one language as one alternative; word boundaries where the language has words apart. */
function alternative(language: Language, sources: readonly string[]): string[] {
  if (sources.length === 0) return []
  const any = `(?:${sources.join('|')})`
  // What ends in a space or in punctuation needs no word boundary after it.
  return language.spaced ? [`(?<!${wordCharacter})${any}(?:(?<!${wordCharacter})|(?!${wordCharacter}))`] : [any]
}

const compile = (parts: readonly string[]): RegExp => new RegExp(parts.join('|'), 'iu')

const marker = (field: MarkerField): RegExp =>
  compile(languages.flatMap((language) => alternative(language, language[field])))

const opening = (field: OpeningField): RegExp =>
  new RegExp(`^(?:${languages.flatMap((language) => alternative(language, language[field])).join('|')})`, 'iu')

/** Anywhere in a sentence. */
export const markers = {
  fromNowOn: marker('fromNowOn'),
  oneTask: marker('oneTask'),
  choice: marker('choice'),
  reason: marker('reason'),
  cause: marker('cause'),
  expected: marker('expected'),
  hedge: marker('hedge'),
} as const satisfies Record<MarkerField, RegExp>

/** At the beginning of a text. */
export const openings = {
  remember: opening('remember'),
  contradiction: opening('contradiction'),
  confirmation: opening('confirmation'),
  step: opening('step'),
  courtesy: opening('courtesy'),
} as const satisfies Record<OpeningField, RegExp>

/** A sentence that sets a lasting rule (X-HUMAN). */
export const lasting: RegExp = compile(languages.flatMap((language) => language.lasting))

/** A heading or line that opens a procedure, the whole of it being its name (X-DECL). */
export const howTo: RegExp = new RegExp(
  `^(?:${languages.flatMap((language) => language.howTo).join('|')})(?!${wordCharacter})`,
  'iu',
)

export type LabelRule = { readonly type: DeclaredType; readonly each: boolean; readonly pattern: RegExp }

/** What may follow a label: a number, a remark in brackets, and where one thing is laid down of several, for what it holds. */
const qualifier = '(?: \\d{1,3})?(?: \\([^)]{1,40}\\))?'
const scope = '(?: (?:for|on|about|para|sobre|für|zu|pour) .{1,40})?'
const scoped: ReadonlySet<DeclaredType> = new Set(['decision', 'solution', 'pattern', 'question'])

const labelRule = (type: DeclaredType, each: boolean): LabelRule[] => {
  const sources = languages.flatMap((language) => (each ? language.listLabels : language.labels)[type] ?? [])
  if (sources.length === 0) return []
  const pattern = new RegExp(`^(?:${sources.join('|')})${qualifier}${scoped.has(type) ? scope : ''}$`, 'iu')
  return [{ type, each, pattern }]
}

/** Whole labels (X-DECL), without marks and colon; `each`: every item below it is a statement of its own. */
export const labelRules: readonly LabelRule[] = declaredTypes.flatMap((type) => [
  ...labelRule(type, false),
  ...labelRule(type, true),
])

/** A sentence as the patterns read it: straight apostrophes, single spaces. */
export const comparable = (text: string): string => text.replaceAll('’', "'").replace(/\s+/g, ' ').trim()
