import type { Prompt } from '../../model/records.ts'
import { command, type CommandContext } from '../command.ts'
import { numberOption } from '../option-values.ts'
import { allOption, projectOption, readPlace } from '../place.ts'
import { printList } from '../table.ts'
import { shownTime } from '../text/times.ts'
import { oneLine } from '../visible.ts'

export const promptsCommand = command({
  path: 'prompts',
  section: 'Sessions and projects',
  summary: 'What was asked, newest first, or found by words',
  arguments: [{ name: 'words', description: 'what to look for', required: false, variadic: true }],
  options: [
    projectOption,
    allOption,
    { flags: '--session <id>', description: 'only of this session (without words)' },
    { flags: '--limit <n>', description: 'at most so many', defaultText: '20, by words 10' },
  ],
  examples: ['engram prompts', 'engram prompts --all retry policy'],
  run: async (context) => {
    const prompts = await find(context)
    if (context.json) return context.printJson(prompts)
    if (prompts.length === 0) context.note('No prompts.')
    const time = (row: Prompt): string => shownTime(row.created_at, context.config.timezone.value)
    await printList(
      context,
      prompts,
      [
        { title: 'Prompt', of: (row) => `#${row.id}` },
        { title: 'Asked', of: time },
        { title: 'Project', of: (row) => oneLine(row.project ?? '') },
        { title: 'Text', of: (row) => oneLine(row.content), flexible: true },
      ],
      (row) => `#${row.id}  ${time(row)}  ${oneLine(row.project ?? '')}  ${oneLine(row.content)}`,
    )
  },
})

function find(context: CommandContext): Promise<readonly Prompt[]> {
  const query = context.words('words').join(' ')
  const limit = numberOption(context, 'limit', 1)
  if (query !== '') return context.call('prompt.search', { ...readPlace(context), query, limit })
  return context.call('prompt.list', { ...readPlace(context), session_id: context.option('session'), limit })
}
