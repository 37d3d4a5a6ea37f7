import type { Command } from '../command.ts'
import {
  adoptCommand,
  backupCreateCommand,
  backupListCommand,
  backupRestoreCommand,
  backupVerifyCommand,
} from './backup-files.ts'
import { exportCommand, importCommand } from './backup.ts'
import { completeCommand, completionCommand } from './completion.ts'
import { configShowCommand } from './config.ts'
import {
  conflictDeferredCommand,
  conflictListCommand,
  conflictScanCommand,
  conflictSettleCommand,
  conflictShowCommand,
  conflictStatsCommand,
} from './conflicts.ts'
import { contextCommand } from './context.ts'
import { contextsArchiveCommand, contextsCreateCommand, contextsListCommand, contextsShowCommand } from './contexts.ts'
import { addCommand, drainCommand, forgetCommand, promoteCommand } from './curate.ts'
import { deleteCommand, deleteProjectCommand, deletePromptCommand, deleteSessionCommand } from './delete.ts'
import { doctorCommand, doctorRepairCommand } from './doctor.ts'
import { ingestCommand } from './ingest.ts'
import { lockCheckCommand } from './lock-check.ts'
import { lockRunCommand } from './lock-run.ts'
import { lockAcquireCommand, lockListCommand, lockReleaseCommand, lockRenewCommand } from './locks.ts'
import { servicePrintCommand } from './login-unit.ts'
import {
  historyCommand,
  pinCommand,
  restoreCommand,
  showCommand,
  timelineCommand,
  unpinCommand,
  updateCommand,
} from './observations.ts'
import {
  initCommand,
  projectConsolidateCommand,
  projectCurrentCommand,
  projectListCommand,
  projectMergeCommand,
  projectMoveCommand,
  projectPruneCommand,
  projectRescueCommand,
} from './projects.ts'
import { hookCommand } from './hook.ts'
import { mcpCommand } from './mcp.ts'
import { obsidianExportCommand } from './obsidian-export.ts'
import { promptsCommand } from './prompts.ts'
import { injectCommand } from './inject.ts'
import { lookupCommand, recallCommand } from './recall.ts'
import { conflictCompareCommand, conflictJudgeCommand } from './relations.ts'
import { reviewCommand } from './review.ts'
import { saveCommand } from './save.ts'
import { indexCommand, indexModelCommand, indexRebuildCommand } from './search-index.ts'
import { searchCommand } from './search.ts'
import { serveCommand } from './serve.ts'
import { sessionEndCommand, sessionListCommand, sessionShowCommand } from './sessions.ts'
import { hooksInstallCommand, hooksStatusCommand, hooksUninstallCommand } from './agent-hooks.ts'
import { setupCommand, uninstallCommand } from './setup.ts'
import { statsCommand, statusCommand } from './status.ts'
import { syncCommand, syncMergeDriverCommand } from './sync.ts'
import { testCommand } from './test.ts'
import { transcriptAppendCommand, transcriptDeleteCommand, transcriptSummaryCommand } from './transcript-changes.ts'
import {
  transcriptCompactCommand,
  transcriptListCommand,
  transcriptMigrateCommand,
  transcriptShowCommand,
  transcriptTailCommand,
  transcriptTruncateCommand,
  transcriptVerifyCommand,
} from './transcripts.ts'
import { unitSearchCommand } from './unit-search.ts'
import { unitGetCommand, unitListCommand, unitPostCommand } from './units.ts'
import { versionCommand } from './version.ts'
import { watchCommand } from './watch.ts'
import { whyCommand } from './why.ts'

/** Every command, in the order the help lists them within their sections. */
export const commands: readonly Command[] = [
  saveCommand,
  searchCommand,
  showCommand,
  addCommand,
  updateCommand,
  deleteCommand,
  deleteSessionCommand,
  deletePromptCommand,
  deleteProjectCommand,
  restoreCommand,
  pinCommand,
  unpinCommand,
  timelineCommand,
  historyCommand,
  contextCommand,
  recallCommand,
  injectCommand,
  lookupCommand,
  ingestCommand,
  reviewCommand,
  promoteCommand,
  drainCommand,
  forgetCommand,
  sessionListCommand,
  sessionShowCommand,
  sessionEndCommand,
  promptsCommand,
  transcriptListCommand,
  transcriptShowCommand,
  transcriptTailCommand,
  transcriptTruncateCommand,
  transcriptCompactCommand,
  transcriptMigrateCommand,
  transcriptVerifyCommand,
  transcriptAppendCommand,
  transcriptSummaryCommand,
  transcriptDeleteCommand,
  projectListCommand,
  projectCurrentCommand,
  projectMergeCommand,
  projectMoveCommand,
  projectConsolidateCommand,
  projectPruneCommand,
  projectRescueCommand,
  initCommand,
  conflictListCommand,
  conflictShowCommand,
  conflictSettleCommand,
  conflictStatsCommand,
  conflictScanCommand,
  conflictJudgeCommand,
  conflictCompareCommand,
  conflictDeferredCommand,
  contextsListCommand,
  contextsShowCommand,
  contextsCreateCommand,
  contextsArchiveCommand,
  unitPostCommand,
  unitGetCommand,
  unitListCommand,
  unitSearchCommand,
  lockAcquireCommand,
  lockRenewCommand,
  lockReleaseCommand,
  lockListCommand,
  lockRunCommand,
  lockCheckCommand,
  watchCommand,
  exportCommand,
  importCommand,
  obsidianExportCommand,
  syncCommand,
  syncMergeDriverCommand,
  backupCreateCommand,
  backupListCommand,
  backupVerifyCommand,
  backupRestoreCommand,
  adoptCommand,
  statusCommand,
  statsCommand,
  hooksInstallCommand,
  hooksUninstallCommand,
  hooksStatusCommand,
  setupCommand,
  uninstallCommand,
  mcpCommand,
  hookCommand,
  whyCommand,
  serveCommand,
  indexCommand,
  indexRebuildCommand,
  indexModelCommand,
  doctorCommand,
  doctorRepairCommand,
  configShowCommand,
  servicePrintCommand,
  completionCommand,
  testCommand,
  versionCommand,
  completeCommand(() => commands),
]
