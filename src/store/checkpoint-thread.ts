import { parentPort } from 'node:worker_threads'
import { checkpoint, type CheckpointOutcome } from './checkpoint.ts'
import { Connection } from './driver.ts'

/**
 * A thread that moves the WAL into the main file while the event loop writes on. Asked with the file's path, it tells
 * what a passive checkpoint did, or null where none could be done. It keeps no connection, so a file that is replaced
 * meanwhile is none of its concern.
 */
parentPort?.on('message', (path: string) => parentPort?.postMessage(checkpointAt(path)))

function checkpointAt(path: string): CheckpointOutcome | null {
  try {
    const connection = Connection.open(path, { access: 'read-write', busyTimeoutMs: 0 })
    try {
      connection.pragma('synchronous = FULL')
      return checkpoint(connection, 'PASSIVE')
    } finally {
      connection.close()
    }
  } catch {
    // Nothing acknowledged depends on it: the writer itself checkpoints when the log grows on.
    return null
  }
}
