/** Ports that cross folders: declared here, implemented where the work lies, joined by the composition root. */

/** A message as an archive gives it to who exports or shows it. */
export type ArchivedMessage = {
  readonly role: string
  readonly content: string
  readonly created_at?: string
  readonly model_name?: string
  readonly tool_calls?: readonly { readonly function?: { readonly name: string; readonly arguments: string } }[]
}

/** Whole conversations by transcript key. */
export interface ConversationArchive {
  /** Messages in order; empty when the key is unknown. */
  messages(key: string): Promise<readonly ArchivedMessage[]>
  /** Removes a conversation for ever; false when there was none. */
  remove(key: string): Promise<boolean>
}
