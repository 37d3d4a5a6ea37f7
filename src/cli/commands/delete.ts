import { confirmed } from '../ask.ts'
import { command, type CommandOption, type ExitCode } from '../command.ts'
import { requiredArgument } from '../option-values.ts'
import { noteReduced } from '../place.ts'
import { counted } from '../text/amounts.ts'
import { oneLine } from '../visible.ts'
import { idArgument, idOf } from './observations.ts'

const hardOption: CommandOption = { flags: '--hard', description: 'remove for ever, on every machine it is synced to' }

export const deleteCommand = command({
  path: 'delete',
  section: 'Memory',
  summary: 'Delete a memory; `engram restore` brings it back unless --hard',
  arguments: [idArgument],
  options: [
    hardOption,
    { flags: '--expected-project <name>', description: 'refuse when it belongs to another one', isProject: true },
  ],
  examples: ['engram delete 12', 'engram delete 12 --hard'],
  run: async (context) => {
    const result = await context.call('observation.delete', {
      id: idOf(context),
      hard: context.flag('hard'),
      expected_project: context.option('expected-project'),
    })
    context.answer(result, () => `Memory #${result.id} ${result.hard_delete ? 'hard-deleted' : 'soft-deleted'}`)
  },
})

export const deleteSessionCommand = command({
  path: 'delete session',
  section: 'Memory',
  summary: 'Delete a session that no memory points to, with its prompts',
  arguments: [{ name: 'id', description: 'id of the session', required: true }],
  examples: ['engram delete session manual-save-demo', 'engram delete session 4f1c --json'],
  run: async (context) => {
    const result = await context.call('session.delete', { id: idOf(context) })
    const prompts = result.prompts_deleted === 0 ? '' : ` with ${counted(result.prompts_deleted, 'prompt')}`
    context.answer(result, () => `Session ${oneLine(result.id)} deleted${prompts}`)
  },
})

export const deletePromptCommand = command({
  path: 'delete prompt',
  section: 'Memory',
  summary: 'Delete a prompt for ever',
  arguments: [idArgument],
  examples: ['engram delete prompt 7', 'engram delete prompt prompt-0123456789abcdef'],
  run: async (context) => {
    const result = await context.call('prompt.delete', { id: idOf(context) })
    context.answer(result, () => `Prompt #${result.id} deleted`)
  },
})

export const deleteProjectCommand = command({
  path: 'delete project',
  section: 'Memory',
  summary: 'Delete the memories and prompts of a project',
  details:
    'Memories can be restored one by one; prompts go for ever. With --hard all of it does, on every machine, and it asks first.',
  arguments: [{ name: 'name', description: 'the project', required: true, isProject: true }],
  options: [hardOption, { flags: '--yes', description: 'do not ask' }],
  examples: ['engram delete project old-demo', 'engram delete project old-demo --hard --yes'],
  run: async (context): Promise<ExitCode> => {
    const name = requiredArgument(context, 'name')
    noteReduced(context, name)
    const hard = context.flag('hard')
    if (hard && !(await confirmed(context, `Everything of ${oneLine(name)} will be removed for ever. Go on?`))) return 1
    const result = await context.call('project.delete', { project: name, hard })
    context.answer(result, () => {
      const how = result.hard_delete ? 'hard-deleted' : 'soft-deleted'
      const counts = [
        counted(result.observations_deleted, 'memory', 'memories'),
        `${counted(result.prompts_deleted, 'prompt')}${result.prompts_deleted > 0 ? ' (for ever)' : ''}`,
        counted(result.sessions_deleted, 'session'),
      ]
      return `Project ${oneLine(result.project)} ${how}: ${counts.join(', ')}`
    })
    return 0
  },
})
