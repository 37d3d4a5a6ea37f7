/** Human categories and the types behind them (EXC-SET-5): one pure function each way, total over all types. */
export const categories = [
  'decisions',
  'solutions',
  'patterns',
  'bugs',
  'insights',
  'questions',
  'procedures',
  'preferences',
] as const
export type Category = (typeof categories)[number]

const typesOf: Readonly<Record<Category, readonly string[]>> = {
  decisions: ['decision', 'architecture', 'design', 'adr', 'refactor', 'policy'],
  solutions: ['solution', 'config', 'setup', 'infra', 'infrastructure', 'ci'],
  patterns: ['pattern', 'convention', 'guideline'],
  bugs: ['bug', 'bugfix', 'fix', 'incident', 'hotfix'],
  insights: ['discovery', 'investigation', 'root_cause', 'insight', 'learning', 'learn', 'passive', 'manual'],
  questions: ['question'],
  procedures: ['procedure', 'command', 'howto', 'runbook'],
  preferences: ['preference'],
}

const typeFor: Readonly<Record<Category, string>> = {
  decisions: 'decision',
  solutions: 'solution',
  patterns: 'pattern',
  bugs: 'bugfix',
  insights: 'discovery',
  questions: 'question',
  procedures: 'procedure',
  preferences: 'preference',
}

/** The category a type is shown under; null for session summaries, which are no category. */
export function categoryOf(type: string): Category | null {
  if (type === 'session_summary') return null
  return categories.find((category) => typesOf[category].includes(type)) ?? 'insights'
}

/** The type a memory gets when it comes in by category. */
export const typeOfCategory = (category: Category): string => typeFor[category]

/** The category of a word people write: plural or singular, any case; null when there is none. */
export function parseCategory(word: string): Category | null {
  const wanted = word.trim().toLowerCase()
  return categories.find((category) => category === wanted || category === `${wanted}s`) ?? null
}
