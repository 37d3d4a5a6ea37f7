import { EngramError } from '../../model/errors.ts'
import { command } from '../command.ts'

/** Stands here for the help alone: `bin/engram.js` starts hooks by a way of their own, which reads far less. */
export const hookCommand = command({
  path: 'hook',
  section: 'Agents',
  summary: 'What an agent runs at an event; reads JSON, always lets the agent go on',
  details: 'Events: session-start, user-prompt-submit, pre-tool-use, subagent-stop, stop, session-end.',
  arguments: [
    { name: 'agent', description: 'such as claude-code or codex', required: true },
    { name: 'event', description: 'what happened', required: false },
  ],
  examples: ['engram hook claude-code session-start < event.json', 'engram hook codex user-prompt-submit < event.json'],
  run: () => {
    throw new EngramError(
      'usage',
      'Hooks are started by the program itself: run `engram hook` from a shell or an agent.',
    )
  },
})
