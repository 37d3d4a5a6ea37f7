import { limits } from '../../model/limits.ts'
import { cutUtf8 } from '../../model/text.ts'

/** Lower case, trimmed, white space to `-`, cut at the limit; null when nothing is left (MEM-301, step 6). */
export function normaliseTopicKey(given: string | null | undefined): string | null {
  const key = cutUtf8((given ?? '').toLowerCase().trim().replace(/\s+/g, '-'), limits.topicKeyBytesMax)
  return key === '' ? null : key
}

const families: Readonly<Record<string, readonly string[]>> = {
  architecture: ['architecture', 'design', 'adr', 'refactor'],
  bug: ['bug', 'bugfix', 'fix', 'incident', 'hotfix'],
  decision: ['decision'],
  pattern: ['pattern', 'convention', 'guideline'],
  config: ['config', 'setup', 'infra', 'infrastructure', 'ci'],
  discovery: ['discovery', 'investigation', 'root_cause'],
  learning: ['learning', 'learn'],
  session: ['session_summary'],
}

/** Words that tell a family when the type does not; the first family with a hit wins. */
const familyWords: readonly (readonly [string, RegExp])[] = [
  ['bug', /\b(bug|fix|fixed|error|crash|regression|incident|hotfix)\b/],
  ['architecture', /\b(architecture|design|refactor|module|boundary|layer)\b/],
  ['decision', /\b(decision|decided|decide|chose|choose)\b/],
  ['pattern', /\b(pattern|convention|guideline|naming)\b/],
  ['config', /\b(config|configuration|setup|environment|deploy|docker|ci)\b/],
  ['discovery', /\b(discovered|discovery|investigation|root cause|found)\b/],
  ['learning', /\b(learned|learning|lesson)\b/],
]

const familyTextMax = 20_000
const segmentCharsMax = 100

/**
 * A topic key `family/segment` for a memory (MEM-310). `digest` gives SHA-256 hex, for titles that are not ASCII.
 */
export function suggestTopicKey(
  memory: {
    readonly type?: string | undefined
    readonly title?: string | undefined
    readonly content?: string | undefined
  },
  digest: (text: string) => string,
): string {
  const family = familyOf(memory)
  const title = (memory.title ?? '').trim()
  const words = (memory.content ?? '').trim().split(/\s+/, 8).join(' ')
  const segment = segmentOf(title === '' ? words : title, digest)
  const bare = segment.startsWith(`${family}-`) ? segment.slice(family.length + 1) : segment
  return `${family}/${bare === '' ? 'general' : bare}`
}

function familyOf(memory: {
  readonly type?: string | undefined
  readonly title?: string | undefined
  readonly content?: string | undefined
}): string {
  const type = (memory.type ?? '').trim().toLowerCase()
  const known = Object.keys(families).find((family) => families[family]?.includes(type))
  if (known !== undefined) return known
  const text = `${memory.title ?? ''} ${memory.content ?? ''}`.slice(0, familyTextMax).toLowerCase()
  const found = familyWords.find(([, words]) => words.test(text))
  if (found !== undefined) return found[0]
  const named = slug(type)
  return named === '' || named === 'manual' ? 'topic' : named
}

function segmentOf(text: string, digest: (text: string) => string): string {
  if (text === '') return 'general'
  const ascii = slug(text)
  // A title in another script would leave nothing or too little to tell two apart.
  // oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
  return /[^\x00-\x7f]/.test(text) ? `${ascii}-u-${digest(text).slice(0, 12)}`.replace(/^-/, '') : ascii
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, segmentCharsMax)
    .replace(/-+$/, '')
