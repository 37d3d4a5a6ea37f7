import { keepTools } from './tools/keep.ts'
import { liveTools } from './tools/live.ts'
import { projectTools } from './tools/projects.ts'
import { recallTools } from './tools/recall.ts'
import { relateTools } from './tools/relate.ts'
import { sessionTools } from './tools/sessions.ts'
import type { Tool } from './tool.ts'

/** Every tool; each feature's stand in a file of their own, in the order agents read them. */
export const tools: readonly Tool[] = [
  ...recallTools,
  ...keepTools,
  ...relateTools,
  ...sessionTools,
  ...projectTools,
  ...liveTools,
]
