import { englishStopWords } from '../../search/stop-words.ts'
import { foldText, wordsOf } from '../../store/index-text.ts'

/** The distinct folded words of a title that carry meaning. */
export function titleWords(title: string): readonly string[] {
  const words = wordsOf(foldText(title)).filter((word) => !englishStopWords.has(word))
  return [...new Set(words)]
}

type Titled = { readonly title: string; readonly topic_key: string | null }

/** Whether two observations are worth comparing (MEM-902): one topic, two words of the title shared, or one equal word. */
export function isCandidate(row: Titled, other: Titled): boolean {
  if (row.topic_key !== null && row.topic_key !== '' && row.topic_key === other.topic_key) return true
  const words = titleWords(row.title)
  const others = new Set(titleWords(other.title))
  const shared = words.filter((word) => others.has(word)).length
  return shared >= 2 || (shared === 1 && words.length === 1 && others.size === 1)
}

/** How much two titles share: words of both, of all words of either; 1 for the same words. */
export function likeness(title: string, other: string): number {
  const words = new Set(titleWords(title))
  const others = new Set(titleWords(other))
  const all = words.union(others).size
  return all === 0 ? 0 : words.intersection(others).size / all
}
