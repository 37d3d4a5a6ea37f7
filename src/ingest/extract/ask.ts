import type { AskedQuestion } from '../entries.ts'
import type { Draft } from './candidate.ts'
import { plain } from './prose.ts'
import type { Call, Timeline } from './spans.ts'
import { cutWords, titleCharsMax } from './title.ts'

const base = 0.85
const answerCharsShown = 40
const textCharsMax = 2_000

/** Questions for leave to go on decide about the next step, not about the project. */
const leaveToGoOn =
  /^(?:(?:should|shall|can|may) (?:i|we) (?:proceed|continue|go ahead|start|begin)|ready to|(?:do you want me|would you like me) to (?:proceed|continue|go ahead)|proceed\b|continue\b)/i

/** X-ASK: a question put to the person with the agent's question tool, and the answer. */
export function ask(timeline: Timeline): Draft[] {
  return timeline.calls.flatMap((call) => {
    const { action } = call.entry
    if (action.kind !== 'question' || call.result?.outcome !== 'ok') return []
    const answers = call.result.answers ?? answersIn(call.result.text, action.questions)
    return action.questions.flatMap((question) => answered(call, question, answers))
  })
}

function answered(call: Call, asked: AskedQuestion, answers: Readonly<Record<string, string>>): Draft[] {
  const answer = Object.hasOwn(answers, asked.question) ? (answers[asked.question] ?? '').trim() : ''
  const question = plain(asked.question.slice(0, textCharsMax))
  if (answer === '' || question === '' || leaveToGoOn.test(question)) return []
  return [
    {
      rule: 'X-ASK',
      type: 'decision',
      title: titleOf(question, plain(answer.slice(0, textCharsMax))),
      content: contentOf(asked, answer),
      base,
      judged: `${question} ${answer}`,
      asks: true,
      anchor: call.resultAt,
      from: call.at,
      to: call.resultAt,
    },
  ]
}

/** The question gives way, so that the answer can be read in a list. */
function titleOf(question: string, answer: string): string {
  const shown = cutWords(answer, answerCharsShown)
  return `${cutWords(question, titleCharsMax - Array.from(shown).length - 3)} → ${shown}`
}

function contentOf(asked: AskedQuestion, answer: string): string {
  const chosen = asked.options.filter((option) => isChosen(option.label, answer))
  const others = asked.options.filter((option) => !chosen.includes(option))
  const described = chosen.map((option) => option.description.trim()).filter((text) => text !== '')
  return [
    `**Question** ${asked.question.trim()}`,
    `**Answer** ${answer}${described.length === 0 ? '' : `: ${described.join('; ')}`}`,
    ...(others.length === 0 ? [] : [`**Not taken** ${others.map(optionText).join('; ')}`]),
  ].join('\n')
}

const optionText = (option: { readonly label: string; readonly description: string }): string =>
  option.description.trim() === '' ? option.label.trim() : `${option.label.trim()}: ${option.description.trim()}`

/** One answer may name several options, with commas between them. */
const isChosen = (label: string, answer: string): boolean =>
  label !== '' && (answer === label || `, ${answer},`.includes(`, ${label},`))

/** The answers in the text `… "Q"="A", "Q"="A". …` of agents that give no table. The questions say where each one ends. */
function answersIn(text: string, questions: readonly AskedQuestion[]): Readonly<Record<string, string>> {
  const found = questions
    .map(({ question }) => ({ question, start: text.indexOf(`"${question}"="`) }))
    .filter(({ start }) => start >= 0)
    .toSorted((left, right) => left.start - right.start)
  return Object.fromEntries(
    found.map(({ question, start }, index) => {
      const from = start + question.length + 4
      const rest = text.slice(from, found[index + 1]?.start ?? text.length)
      return [question, rest.slice(0, Math.max(0, rest.lastIndexOf('"')))]
    }),
  )
}
