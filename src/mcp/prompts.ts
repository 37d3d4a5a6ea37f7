import { EngramError } from '../model/errors.ts'

type PromptText = { readonly name: string; readonly description: string; readonly text: string }

const prompts: readonly PromptText[] = [
  {
    name: 'recall',
    description: 'Begin with what is already known about this project',
    text: 'Call mem_context, then mem_search for the subject at hand. Say in three lines what is known and what is doubtful, then go on.',
  },
  {
    name: 'wrap-up',
    description: 'Keep what this session learned',
    text: 'Save each decision, fix and discovery of this session by mem_save that is not kept yet. Then call mem_session_summary with Goal, Instructions, Discoveries, Accomplished, Next Steps and Relevant Files.',
  },
]

export const promptList = prompts.map(({ name, description }) => ({ name, description }))

/** One prompt by its name. Throws `not_found`. */
export function promptOf(name: string): PromptText {
  const found = prompts.find((one) => one.name === name)
  if (found === undefined) throw new EngramError('not_found', `No prompt ${JSON.stringify(name.slice(0, 100))}.`)
  return found
}
