/** What goes to the thread of the model: one text each, so that a question never waits behind more than one of them. */
export type EmbedRequest = { readonly number: number; readonly text: string }

/** What comes back. `ready` once, when the model is loaded. */
export type EmbedReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'vector'; readonly number: number; readonly vector: Float32Array }
  | { readonly kind: 'failed'; readonly number: number; readonly message: string }
