import { command, type CommandContext } from '../command.ts'
import { requiredArgument } from '../option-values.ts'
import { projectOption, writePlace } from '../place.ts'
import { savedText, tellSaved } from '../text/saved.ts'
import { typedText } from '../typed-text.ts'

export const saveCommand = command({
  path: 'save',
  section: 'Memory',
  summary: 'Keep one memory',
  details:
    'The same memory again is counted, not doubled. The same --topic in a project replaces what stood there; the state ' +
    'before stays in its history. Secrets and <private> text are taken out before anything is written.',
  arguments: [
    { name: 'title', description: 'one line', required: true },
    { name: 'content', description: 'the memory; - reads standard input', required: true },
  ],
  options: [
    { flags: '--type <type>', description: 'bugfix, decision, architecture, pattern, …', defaultText: 'manual' },
    projectOption,
    { flags: '--scope <scope>', description: 'project, personal or global', defaultText: 'project' },
    { flags: '--topic <key>', description: 'a key under which it is revised in place' },
    { flags: '--session <id>', description: 'the session it belongs to' },
    { flags: '--author <name>', description: 'who says so' },
    { flags: '--ttl <duration>', description: 'hide it after this time, such as 30d' },
    { flags: '--expires <date>', description: 'hide it from this date on' },
  ],
  examples: [
    'engram save "Pool size" "Ten connections: more starve the replica."',
    'git log -1 --format=%b | engram save "Why we left Redis" - --type decision --topic decision/cache',
  ],
  run: async (context) => {
    const result = await context.call('observation.save', {
      ...writePlace(context),
      title: requiredArgument(context, 'title'),
      content: await typedText(context, requiredArgument(context, 'content')),
      ...savedFields(context),
      session_id: context.option('session'),
    })
    context.answer(result, () => savedText(result))
    if (!context.json) tellSaved(context, result)
  },
})

const savedFields = (context: CommandContext) => ({
  type: context.option('type'),
  scope: context.option('scope'),
  topic_key: context.option('topic'),
  author: context.option('author'),
  ttl: context.option('ttl'),
  expires_at: context.option('expires'),
})
